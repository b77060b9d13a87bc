"""How a result looks as HTML, on a screen and on paper. It names no font, picture or file that would have to be fetched."""

STYLE = """
:root { color-scheme: light dark; --line: #bbb; --quiet: #666; --doubt: #a33; --ground: #fff; --ink: #1a1a1a; --shade: #f3f3f3 }
@media (prefers-color-scheme: dark) {
  :root { --line: #555; --quiet: #aaa; --doubt: #f99; --ground: #16181a; --ink: #e6e6e6; --shade: #24272a }
}
@media print {
  :root { color-scheme: light; --line: #999; --quiet: #555; --doubt: #000; --ground: #fff; --ink: #000; --shade: #fff }
}
@page { margin: 18mm 16mm }
* { box-sizing: border-box }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.55 serif; overflow-wrap: anywhere }
main { max-width: 50em; margin: 0 auto; padding: 1em 1.2em 4em }
section + section { margin-top: 2.5em; border-top: 1px solid var(--line) }
.place { margin: .6em 0; text-align: right; font: .8em sans-serif }
.place a { color: var(--quiet); text-decoration: none }
.missing { color: var(--doubt); font-family: sans-serif }
h1, h2, h3, h4, h5, h6 { line-height: 1.25; margin: 1.2em 0 .5em; break-after: avoid }
h1 { font-size: 1.6em }
h2 { font-size: 1.3em }
h3, h4, h5, h6 { font-size: 1.1em }
p { margin: .7em 0 }
a { color: inherit }
.block { max-width: 100%; overflow-x: auto; overflow-y: hidden }
.header, .footer, .page_number { color: var(--quiet); font-size: .85em }
.caption { font-size: .9em; font-style: italic; break-before: avoid }
.footnote { font-size: .85em }
figure { margin: 1em 0; padding: .6em; border: 1px dashed var(--line); text-align: center; break-inside: avoid }
figure > img { max-width: 100%; max-height: 90vh }
figcaption { color: var(--quiet); font: .8em sans-serif }
table { border-collapse: collapse; margin: 1em 0; font-size: .9em; overflow-wrap: normal }
th, td { border: 1px solid var(--line); padding: .25em .5em; text-align: left; vertical-align: top }
th { background: var(--shade) }
thead { display: table-header-group }
tr { break-inside: avoid }
pre, code { font: .9em/1.4 monospace; white-space: pre-wrap }
pre { padding: .6em; background: var(--shade); break-inside: auto }
blockquote { margin: .7em 0 .7em 1em; padding-left: .8em; border-left: 3px solid var(--line) }
math { font-size: 1.08em }
math[display="block"] { margin: .6em 0; break-inside: avoid }
@media print {
  body { font-size: 11pt }
  main { max-width: none; padding: 0 }
  section + section { break-before: page; margin-top: 0; border-top: 0 }
  .block { overflow: visible }
}
"""
