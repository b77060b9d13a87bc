// What the page says: name, English, Chinese where that is another word. `{n}` is put in; `_one` is the form for one.

const row = (line) => {
  const [name, ...words] = line.split("\t");
  return [name, words];
};
const rows = (text) => Object.fromEntries(text.trim().split("\n").map(row));

export const WORDS = rows(`
address_hint	One address a line, http or https	每行一个 http 或 https 网址
addresses	Addresses	网址
all_documents	All documents	全部文档
tab_all	All	全部
api	API	接口
being_made	Being made …	正在生成……
boxes	Boxes	方框
cancel	Cancel	取消
cancelled	Cancelled. What was read stays.	已取消，已识别的内容保留。
choose_again	This browser no longer has the file. Choose it again on the start page.	浏览器中已没有该文件，请在首页重新选择。
choose_files	Choose files	选择文件
choose_folder	Choose a folder	选择文件夹
close	Close	关闭
copied	Copied	已复制
copy	Copy	复制
copy_all	Copy text	复制全文
copy_command	Copy the command	复制命令
copy_table	Copy the table	复制表格
current	Now	当前
dark	Dark colours	深色
delete	Delete	删除
delete_sure	Delete this document and its text from the service?	从服务中删除此文档及其文字？
deleted	Deleted	已删除
download	Download	下载
drop_here	Drop files or a folder here	把文件或文件夹拖到这里
drop_here_touch	Photograph a page or choose files	拍摄页面或选择文件
empty_text	Nothing was found on this page.	此页没有识别到内容。
failed_here	This page could not be read.	此页无法识别。
figure_here	A figure, without text	图，无文字
find_more	Every action here is a call that you can make yourself.	这里的每个操作都对应一个您也能使用的接口。
fit_page	Fit page	适合页面
fit_width	Fit width	适合宽度
format_chunks	Chunks	分段
format_csv	Tables, CSV	表格（CSV）
format_docx	Word
format_html	Web page	网页
format_json	Blocks with places	区块及位置
format_md	Markdown
format_pdf	Searchable PDF	可搜索的 PDF
format_raw	As the engine wrote it	引擎原文
format_text	Plain text	纯文本
format_xlsx	Tables, Excel	表格（Excel）
format_zip	Everything, with figures	全部内容及插图
gone	This document is no longer kept by the service, or its address is wrong.	服务已不再保存此文档，或网址有误。
gone_short	no longer kept	已不再保存
held	waits here	在此等候
held_full	The service is full: {n} files wait here and are sent as soon as there is room.	服务已满：{n} 个文件在此等候，有空位时自动发送。
held_full_one	The service is full: 1 file waits here and is sent as soon as there is room.
how_read	Read as	识别为
kept_for	kept for {time}	保留 {time}
kept_long	Texts are kept for {time}, then forgotten.	文字保留 {time}，之后清除。
key_block	next or previous block	下一个或上一个区块
key_boxes	show or hide the boxes	显示或隐藏方框
key_copy	copy the block	复制区块
key_esc	clear the selection	取消选中区块
key_help	this list	本列表
key_page	next or previous page	下一页或上一页
key_paste	send what is on the clipboard, anywhere	在任意处发送剪贴板内容
keys	Keys	快捷键
keys_on	Single keys do something	启用单键快捷键
label_caption	caption	图表标题
label_equation	formula	公式
label_footer	running foot	页脚
label_footnote	note	注释
label_header	running head	页眉
label_image	figure	图
label_list	list	列表
label_page_number	page number	页码
label_seal	seal	印章
label_sub_title	heading	小标题
label_table	table	表格
label_text	text	正文
label_title	title	标题
language	中文	English
lead	Pages in, text out	放入页面，得到文字
lead_more	Scans, photographs and PDFs become text, tables and formulas. They are read by this service itself and go nowhere else.	扫描件、照片和 PDF 变成文字、表格和公式。一切由本服务自行识别，不会传往别处。
left_about	about {time} left	约剩 {time}
light	Light colours	浅色
limits_line	{types} · pictures up to {image} MB, documents up to {document} MB and {pages} pages	{types} · 图片不超过 {image} MB，文档不超过 {document} MB、{pages} 页
max_tokens	Most tokens a page	每页最多 token 数
more_options	More options	更多选项
next_page	Next page	下一页
no_boxes	This text has no places: it was read without them, or it is the PDF's own.	此文字没有位置信息：识别时未要求，或来自 PDF 自身。
no_recent	What you send is listed here.	发送的内容会列在这里。
no_workers	No worker is ready: pages wait	没有就绪的工作进程，页面等待中
no_workers_long	No worker is ready at the moment. Pages are accepted, and read as soon as one is there: it may still be loading its model.	目前没有就绪的工作进程。页面照常接收，工作进程就绪后即开始识别；它可能正在加载模型。
not_copied	The browser did not let the text be copied.	浏览器不允许复制。
not_shown	The picture of this page is not available; the boxes show where each block lies.	没有此页的图像；方框表示各区块的位置。
tab_problems	To check	需核对
only_this_browser	Known to this browser only	仅此浏览器可见
page	Page {n}	第 {n} 页
page_of	Page {n} of {total}	第 {n} 页，共 {total} 页
page_range	Pages of a document	文档页码
page_range_hint	all, or 1-5,8,r1	all，或 1-5,8,r1
pages	{n} pages	{n} 页
pages_one	{n} page
partly_read	{done} of {total} read	已识别 {done} / {total}
password	Password of a PDF	PDF 密码
paste_hint	or paste a picture, files or addresses	也可粘贴图片、文件或网址
photo	Take a photo	拍照
picture_of	Picture of page {n}	第 {n} 页的图像
places	Places taken	已占用
previous_page	Previous page	上一页
problems	{n} failed	{n} 页失败
prompt	Prompt	提示词
prompt_hint	What the model is asked to do with the page	要求模型如何处理页面
read_again	Read again	重新识别
read_again_sent	Sent again, as a document of its own.	已作为新文档重新发送。
reading_here	This page is being read.	正在识别此页。
ready_workers	{n} workers ready	{n} 个工作进程就绪
ready_workers_one	{n} worker ready
recent	Recent	最近
refused	not accepted	未被接受
remove	Remove {name} from the list	从列表中移除 {name}
send_addresses	Read {n} addresses	识别 {n} 个网址
send_addresses_one	Read {n} address
sending	sending {share}	发送中 {share}
sent_ago	sent {ago}	{ago}发送
service_away	The service does not answer. Nothing is lost: what waits here is sent when it is back.	服务没有响应。内容不会丢失：等候的文件在服务恢复后发送。
show_block	Show on the page	在页面上显示
skip	Skip to content	跳到正文
state_cancelled	cancelled	已取消
state_completed	read	已识别
state_doubtful	to be checked	需核对
state_failed	failed	失败
state_pending	waiting	等待中
state_processing	being read	识别中
tab_json	JSON
tab_md	Markdown
tab_page	Page	页面
tab_pages	Pages	页列表
tab_text	Text	文字
table_here	table, can be scrolled	表格，可滚动
taken_of	{taken} of {limit}	{taken} / {limit}
temperature	Temperature	温度
terminal	The same from a terminal	在命令行中
text_layer_fallback	where a page cannot be read	页面无法识别时
text_layer_here	This is the PDF's own text for the page; it was not read from the picture.	这是 PDF 自带的文字，并非从图像识别。
text_layer_ignore	never	从不
text_layer_label	Text inside a PDF is used	使用 PDF 自带文字
text_layer_prefer	wherever it is plausible	只要可信
this_page	This page	此页
too_long	This block is too large to be shown with its layout.	此区块过大，无法按版式显示。
too_many_files	Only the first {n} files were taken: send the others when these are sent.	只接收前 {n} 个文件，其余请在这些发送后再放入。
unexplained	It was answered with status {status} and without a reason, perhaps by a proxy.	请求得到状态码 {status}，未说明原因，可能来自代理。
unreachable	The service does not answer.	服务没有响应。
unread_files	{n} files or folders could not be read and were left out.	有 {n} 个文件或文件夹无法读取，已略过。
unread_files_one	1 file or folder could not be read and was left out.
verdict_empty	The engine found no text on this page. If there is some, read it again.	引擎在此页没有找到文字。如页面有文字，请重新识别。
verdict_repeating	The engine repeated itself on this page. This is the best of its readings: check it.	引擎在此页内容重复。这是最好的一次结果，请核对。
verdict_truncated	The text of this page was cut off at the limit of tokens.	此页文字达到 token 上限而被截断。
verdict_unsure	The engine doubts a part of this text: compare it with the picture.	引擎对此页部分文字没有把握，请与图片核对。
view	View	视图
waiting_here	This page waits for its turn.	此页正在排队。
waiting_position	About {n} were sent before it.	前面约有 {n} 个。
way_describe	Description	描述
way_describe_hint	What the picture shows, in sentences (DeepSeek-OCR).	用句子描述图片内容（DeepSeek-OCR）。
way_document	Document	文档
way_document_hint	Headings, tables and formulas, each with its place on the page.	标题、表格和公式，以及各自在页面上的位置。
way_figure	Figure	图表
way_figure_hint	What a chart or drawing says (DeepSeek-OCR).	图表或图画的内容（DeepSeek-OCR）。
way_own	Own prompt	自定义
way_own_hint	Your words to the model; <|grounding|> in them asks for places.	写给模型的话；加入 <|grounding|> 可得到位置。
way_places	Text with places	带位置的文字
way_places_hint	The words and where they stand, without layout.	文字及其位置，不含版式。
way_plain	Plain text	纯文本
way_plain_hint	The text alone, without places: the quickest way.	仅文字，无位置，最快。
whole_document	Whole document	整个文档
`);

/** The service's errors in Chinese; in English it says them itself. */
export const PROBLEMS = rows(`
address_refused	该网址指向内部网络，服务不予访问。
bad_option	某个选项的值不被允许。
bad_page_range	页码格式应为 1-5,8,r3-r1 或 all。
bad_request	请求的格式不正确。
bad_url	这不是有效的 http 或 https 网址。
broker_unavailable	服务的 Redis 没有响应，请稍后再试。
cancelled	识别前已取消。
document_not_supported	不支持此种文档格式，请先转换为 PDF。
download_failed	该网址无法下载。
download_timeout	该网址下载时间过长。
empty_file	文件为空。
engine_failed	识别引擎无法识别此页。
engine_killed	识别引擎每次读取此页都会崩溃，不再重试。
export_failed	此格式的文件生成失败，请换一种格式。
file_not_kept	服务没有保留原文件，无法生成此格式。
file_too_large	文件超过本服务的大小限制。
format_not_available	暂不提供此种格式。
given_up	此页多次开始而从未完成，不再重试。
image_expired	此任务的文件已过期或被删除，请重新发送。
internal_error	服务内部出错，详情见日志。
malformed_message	任务消息的格式不正确。
malformed_request	请求的格式不正确。
no_exporter	没有运行中的导出进程，请稍后再试。
no_file	没有收到文件。
no_page_read	文档的所有页都无法识别。
no_result	任务尚未完成或已失败，没有可导出的结果。
no_tables	结果中没有表格，请选择其他格式。
not_a_document	此任务只有一页，或文档尚未打开。
not_an_image	文件不是所支持的图片格式。
ocr_error	此页无法识别。
page_deadline	引擎未能在时限内完成此页。
page_lost	此任务的消息已丢失，请重新发送。
page_too_costly	解码此文件所需的时间或内存超过限制。
password_needed	文档已加密，请在选项中填写密码。
prompt_expired	批次的提示词已过期，请重新发送。
prompt_too_long	提示词过长，请缩短。
purged	识别前队列已被清空，请重新发送。
queue_full	服务已满，请稍后再试。
request_timeout	发送时间过长。
request_too_large	请求超过本服务的大小限制。
result_expired	任务已完成，但结果已过期。
result_too_large	文档文字过长，请逐页查看。
result_unreadable	此任务的记录已损坏，请重新发送。
source_refused	该网址的服务器返回错误。
store_full	服务的存储空间已满，请稍后再试。
store_unavailable	服务的文件存储没有响应，请稍后再试。
task_not_found	找不到此任务。
too_many_pages	文档页数超过限制。
too_many_pixels	图片像素超过限制。
too_many_redirects	该网址重定向次数过多。
unreadable_document	文档已损坏或没有页面。
unreadable_image	图片已损坏或不完整。
unsupported_media_type	内容类型不受支持。
worker_killed	工作进程每次读取此页都会终止，不再重试。
wrong_password	密码不正确。
`);
