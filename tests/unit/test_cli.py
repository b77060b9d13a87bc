"""`ocr-celery read` against a service made of a few lines."""

import json
import re
from collections.abc import Iterator
from pathlib import Path, PurePath

import pytest
from click.testing import CliRunner, Result

from ocr_celery.cli import main, service_address
from ocr_celery.cli.input_files import find_input_files
from tests.testlib.fake_service import BINARY_FORMATS, FakeClock, FakeService, fake_service


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def service(clock: FakeClock) -> Iterator[FakeService]:
    with fake_service(clock) as fake:
        yield fake


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """A folder of images whose texts are their own paths."""
    folder = tmp_path / "scans"
    for name in ("b.png", "a.jpg", "more/a.TIF", "more/notes.txt", ".hidden/c.png"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return folder


def read(service: FakeService, *arguments: object) -> Result:
    return CliRunner().invoke(main, ["read", "--server", service.url, *map(str, arguments)], obj=service.clock)


def test_one_document_is_its_text_and_nothing_else(service: FakeService, scans: Path) -> None:
    result = read(service, scans / "a.jpg")
    assert (result.exit_code, result.stdout) == (0, "a.jpg\n")


def test_a_text_that_is_the_pdfs_own_is_named_on_standard_error(service: FakeService, scans: Path) -> None:
    service.also = {"a.jpg": {"text_layer_pages": [2, 5], "fonts_missing": True}, "b.png": {"text_layer": True}}
    result = read(service, scans / "a.jpg", scans / "b.png", "--text-layer", "prefer")
    assert f"{scans / 'a.jpg'}: the PDF's own text was taken of pages 2, 5" in result.stderr
    assert f"{scans / 'b.png'}: the PDF's own text was taken of the page" in result.stderr
    assert "apt install fonts-noto-cjk" in result.stderr
    assert [fields["text_layer"] for fields in service.asked] == ["prefer", "prefer"]


def test_a_text_that_its_engine_doubts_is_named_on_standard_error(service: FakeService, scans: Path) -> None:
    unsure = {"finish_reason": "stop", "verdict": "unsure", "doubtful_share": 0.234}
    service.also = {"a.jpg": {"details": unsure}, "b.png": {"details": {**unsure, "verdict": "ok"}}}
    result = read(service, scans / "a.jpg", scans / "b.png")
    assert f"{scans / 'a.jpg'}: the engine doubts 23% of the text; compare it with the pages" in result.stderr
    assert result.stderr.count("the engine doubts") == 1
    assert result.exit_code == 0


def test_a_document_with_an_unsure_page_is_named_without_its_share_of_all_pages(
    service: FakeService, scans: Path
) -> None:
    unsure = {"finish_reason": "stop", "verdict": "unsure", "doubtful_share": 0.003}
    service.also = {"a.jpg": {"details": unsure, "pages": {"total": 100, "completed": 100}}}
    result = read(service, scans / "a.jpg")
    assert (
        f"{scans / 'a.jpg'}: the engine doubts the text of some of its pages; compare it with the pages"
        in result.stderr
    )


def test_many_documents_come_in_the_order_given_whichever_is_read_first(service: FakeService, scans: Path) -> None:
    service.held = {"b.png": service.completed["a.jpg"]}
    result = read(service, scans / "b.png", "http://example.com/x.png", scans / "a.jpg")
    assert result.exit_code == 0
    texts = re.findall(r"^(?:b\.png|a\.jpg|http\S+)$", result.stdout, re.MULTILINE)
    assert texts == ["b.png", "http://example.com/x.png", "a.jpg"]
    assert result.stdout.count("\n# ") == 2


def test_the_service_waits_until_a_document_is_read(service: FakeService, scans: Path) -> None:
    service.slow = {"a.jpg": 19}
    assert read(service, scans / "a.jpg").stdout == "a.jpg\n"
    assert [look["wait"] for look in service.looks] == [["20"]]


@pytest.mark.parametrize(("on_wait", "waits"), [("ignores", 99), ("refuses", 1), ("is cut off", 3)])
def test_a_service_that_does_not_wait_is_asked_again_and_again(
    service: FakeService, clock: FakeClock, scans: Path, on_wait: str, waits: int
) -> None:
    service.slow, service.on_wait = {"a.jpg": 1}, on_wait
    result = read(service, scans / "a.jpg")
    assert (result.exit_code, result.stdout, result.stderr.count("trying again")) == (0, "a.jpg\n", 0)
    assert len([look for look in service.looks if "wait" in look]) <= waits
    assert clock.pauses == pytest.approx([0.1, 0.15, 0.225, 0.3375, 0.50625])


def test_a_service_that_does_not_wait_is_asked_every_two_seconds_in_the_end(
    service: FakeService, clock: FakeClock, scans: Path
) -> None:
    service.slow, service.on_wait = {"a.jpg": 20}, "ignores"
    assert read(service, scans / "a.jpg").exit_code == 0
    assert clock.pauses == sorted(clock.pauses)
    assert set(clock.pauses[-4:]) == {2}


def test_a_full_service_is_asked_again(service: FakeService, clock: FakeClock, scans: Path) -> None:
    service.refusals = 2
    result = read(service, scans / "a.jpg")
    assert (result.exit_code, result.stdout) == (0, "a.jpg\n")
    assert clock.pauses == [0.5, 0.5], "refused clients do not all return at once, whatever the service says"


def test_a_refused_request_is_repeated_when_retry_after_says(
    service: FakeService, clock: FakeClock, scans: Path
) -> None:
    service.refusals, service.retry_after = 2, "17"
    assert read(service, scans / "a.jpg").exit_code == 0
    assert clock.pauses == [17, 17]


def test_a_refused_request_without_a_time_is_repeated_ever_less_often(
    service: FakeService, clock: FakeClock, scans: Path
) -> None:
    service.refusals, service.retry_after = 7, "soon"
    assert read(service, scans / "a.jpg").exit_code == 0
    assert clock.pauses == [0.5, 1, 2, 4, 8, 8, 8]


def test_a_service_that_stays_full_ends_at_the_timeout(service: FakeService, clock: FakeClock, scans: Path) -> None:
    service.refusals, service.retry_after = 1000, "7"
    result = read(service, scans / "a.jpg", "--timeout", 20)
    assert result.exit_code == 1
    assert "queue_full: full" in result.stderr
    assert clock.pauses == [7, 7, 6]


@pytest.mark.parametrize(("timeout", "seconds"), [(1, 1), (10_000, 30)])
def test_a_service_that_never_answered_is_named_at_once_and_asked_for_half_a_minute_within_the_timeout(
    clock: FakeClock, scans: Path, timeout: int, seconds: int
) -> None:
    arguments = ["read", "--server", "http://127.0.0.1:9", "--timeout", str(timeout), str(scans / "a.jpg")]
    result = CliRunner().invoke(main, arguments, obj=clock)
    assert result.exit_code == 1
    assert "does not answer; trying again" in result.stderr
    assert "unreachable" in result.stderr
    assert sum(clock.pauses) == pytest.approx(seconds)


def test_a_document_that_cannot_be_read_is_named_with_its_reason_and_the_others_are_read(
    service: FakeService, scans: Path
) -> None:
    (scans / "bad.png").write_text("damaged")
    (scans / "text.png").write_text("not an image")
    result = read(service, scans / "bad.png", scans / "text.png", scans / "a.jpg")
    assert result.exit_code == 1
    assert f"{scans / 'bad.png'}: unreadable_image: The file is damaged." in result.stderr
    assert f"{scans / 'text.png'}: not_an_image: The file is not an image." in result.stderr
    assert "\na.jpg\n" in result.stdout


def test_a_folder_is_mirrored(service: FakeService, scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = read(service, scans, "--output", out)
    assert (result.exit_code, result.stdout) == (0, "")
    found = {str(p.relative_to(out)): p.read_text() for p in out.rglob("*") if p.is_file()}
    assert found == {"a.md": "a.jpg\n", "b.md": "b.png\n", "more/a.md": "more/a.TIF\n"}


def test_a_document_that_failed_leaves_no_file(service: FakeService, scans: Path, tmp_path: Path) -> None:
    (scans / "a.jpg").write_text("damaged")
    assert read(service, scans / "a.jpg", "--output", tmp_path / "out").exit_code == 1
    assert not (tmp_path / "out").exists()


def test_files_of_a_folder_that_are_left_out_are_named(service: FakeService, scans: Path) -> None:
    assert "left out, neither image nor PDF: more/notes.txt\n" in read(service, scans).stderr


def test_a_folder_without_an_image_says_what_else_is_in_it(service: FakeService, tmp_path: Path) -> None:
    (tmp_path / "a.docx").touch()
    result = read(service, tmp_path)
    assert result.exit_code == 2
    assert "no image or PDF in this folder, but a.docx" in result.stderr


def test_names_are_unique_also_where_case_is_not_told_apart(tmp_path: Path) -> None:
    for name in ("page.png", "page.jpg", "PAGE.gif", "page-2.png"):
        (tmp_path / name).touch()
    names = [
        f.output_name
        for f in find_input_files([str(tmp_path), "http://example.com/a/page.png?x=1", "http://example.com"])
    ]
    assert len({str(n).casefold() for n in names}) == 6
    assert names[-1] == PurePath("example.com")


def test_two_folders_with_the_same_names_are_both_mirrored_in_whatever_order(
    service: FakeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("x/a.png", "y/a.png", "y/b.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    for number, sources in enumerate((["x", "y"], ["y", "x"], ["y/b.png", "y/a.png", "x/a.png"])):
        assert read(service, *sources, "--output", f"out{number}").exit_code == 0
        out = tmp_path / f"out{number}"
        found = {str(p.relative_to(out)): p.read_text() for p in out.rglob("*") if p.is_file()}
        assert found == {"x/a.md": "x/a.png\n", "y/a.md": "y/a.png\n", "y/b.md": "y/b.png\n"}


def test_images_that_differ_in_their_ending_only_keep_it(tmp_path: Path) -> None:
    for name in ("page.png", "page.jpg", "other.png"):
        (tmp_path / name).touch()
    assert [str(f.output_name) for f in find_input_files([str(tmp_path)])] == ["other", "page.jpg", "page.png"]


def test_the_exit_code_says_that_documents_were_left_out(service: FakeService, scans: Path) -> None:
    (scans / "more/contract.DOCX").touch()
    result = read(service, scans)
    assert result.exit_code == 3
    assert "left out, neither image nor PDF: more/contract.DOCX, more/notes.txt" in result.stderr
    (scans / "bad.png").write_text("damaged")
    assert read(service, scans).exit_code == 1


def test_a_document_whose_file_exists_is_not_read_again(service: FakeService, scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "more").mkdir(parents=True)
    (out / "more/a.md").write_text("mine")
    result = read(service, scans, "--output", out, "--skip-existing")
    assert result.exit_code == 0
    assert "1 skipped" in result.stderr
    assert (out / "more/a.md").read_text() == "mine"
    assert sorted(fields["file"] for fields in service.asked) == ["a.jpg", "b.png"]
    service.asked.clear()
    assert read(service, scans, "--output", out, "--skip-existing").exit_code == 0
    assert service.asked == []


def test_standard_input_is_a_document(service: FakeService) -> None:
    result = CliRunner().invoke(main, ["read", "--server", service.url, "-"], input=b"from a pipe")
    assert (result.exit_code, result.stdout) == (0, "from a pipe\n")


def test_json_has_the_whole_answer_of_each_document_and_of_each_failure(
    service: FakeService, scans: Path, tmp_path: Path
) -> None:
    (scans / "b.png").write_text("damaged")
    result = read(service, scans / "a.jpg", scans / "b.png", "--json")
    first, second = map(json.loads, result.stdout.splitlines())
    assert (first["source"], first["status"], first["result"]) == (str(scans / "a.jpg"), "completed", "a.jpg")
    assert (second["source"], second["status"], second["code"]) == (str(scans / "b.png"), "failed", "unreadable_image")
    assert result.exit_code == 1
    assert read(service, scans / "a.jpg", "--json", "--output", tmp_path / "out").exit_code == 0
    assert json.loads((tmp_path / "out/a.json").read_text())["result"] == "a.jpg"


def test_headers_are_sent_with_every_request(service: FakeService, scans: Path) -> None:
    assert read(service, scans / "a.jpg", "--header", "Authorization: Bearer x", "--header", "X-A:b").exit_code == 0
    assert {(h["Authorization"], h["X-A"]) for h in service.headers} == {("Bearer x", "b")}
    assert len(service.headers) >= 2
    assert read(service, scans / "a.jpg", "--header", "no header").exit_code == 2


def test_a_proxy_that_refuses_the_size_is_named_with_its_setting(service: FakeService, scans: Path) -> None:
    service.proxy_takes = 10
    result = read(service, scans / "a.jpg")
    assert result.exit_code == 1
    assert "http_413" in result.stderr
    assert "client_max_body_size" in result.stderr


@pytest.mark.parametrize(
    ("files", "environment", "url"),
    [
        ({}, {}, "http://127.0.0.1:8000"),
        ({}, {"OCR_PORT": "9101"}, "http://127.0.0.1:9101"),
        ({".env": "OCR_PORT=9102\n"}, {}, "http://127.0.0.1:9102"),
        ({".ocr/service.url": "http://127.0.0.1:9103\n"}, {"OCR_PORT": "9101"}, "http://127.0.0.1:9103"),
        ({"data/service.url": "http://[::1]:9104\n", ".env": "OCR_DATA_DIR=data\n"}, {}, "http://[::1]:9104"),
    ],
)
def test_without_a_server_option_the_service_of_this_folder_is_used(
    files: dict[str, str], environment: dict[str, str], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("OCR_PORT", "OCR_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert service_address.default_server() == url


def test_a_name_from_a_url_stays_inside_the_folder() -> None:
    urls = ["http://h/..%2f..%2fetc%2fpasswd.png", "http://h/%2e%2e", "http://[", "http://h/" + "x" * 500]
    for file in find_input_files(urls):
        assert file.output_name.parts == (file.output_name.name,)
        assert file.output_name.name not in ("", ".", "..")
        assert len(file.output_name.name) <= 100


def test_the_engines_own_notation_becomes_markdown_unless_raw_is_asked_for(
    service: FakeService, tmp_path: Path
) -> None:
    page, raw = tmp_path / "p.png", "<|ref|>title<|/ref|><|det|>[[1, 2, 3, 4]]<|/det|>\nHello"
    page.write_text(raw)
    assert read(service, page).stdout == "# Hello\n"
    assert read(service, page, "--format", "raw").stdout == raw + "\n"


@pytest.mark.parametrize(
    ("form", "suffix"),
    [("text", ".txt"), ("json", ".json"), ("chunks", ".chunks.json"), ("md", ".md"), ("raw", ".raw.txt")],
)
def test_each_format_is_printed_and_written_under_its_own_suffix(
    service: FakeService, scans: Path, tmp_path: Path, form: str, suffix: str
) -> None:
    text = f"{form} of a.jpg ü\n" if form not in ("md", "raw") else "a.jpg\n"
    assert read(service, scans / "a.jpg", "--format", form).stdout == text
    out = tmp_path / "out"
    read(service, scans / "a.jpg", "--format", form, "--output", out)
    assert [(file.name, file.read_text()) for file in out.iterdir()] == [(f"a{suffix}", text)]
    again = read(service, scans / "a.jpg", "--format", form, "--output", out, "--skip-existing")
    assert "1 skipped" in again.stderr


@pytest.mark.parametrize("form", ["html", "csv", "xlsx", "zip", "pdf", "docx"])
def test_files_are_written_byte_by_byte_also_to_standard_output_where_that_is_asked_for(
    service: FakeService, scans: Path, tmp_path: Path, form: str
) -> None:
    page, out = tmp_path / "p.png", tmp_path / "out"
    page.write_text("\ufeffa,b\r")
    done = read(service, page, "--format", form, "--output", out)
    assert (done.exit_code, done.stdout) == (0, "")
    data = f"{form} of \ufeffa,b\r ü\n".encode() + (b"PK\xff" if form in BINARY_FORMATS else b"")
    assert [(file.name, file.read_bytes()) for file in out.iterdir()] == [(f"p.{form}", data)]
    assert read(service, page, "--format", form, "-o", "-").stdout_bytes == data
    assert read(service, page, scans / "a.jpg", "--format", form, "-o", "-").exit_code == 2


def test_several_formats_are_had_of_one_reading(service: FakeService, scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = read(service, scans / "a.jpg", "--format", "md,PDF", "--format", "chunks", "--format", "markdown", "-o", out)
    assert (done.exit_code, done.stdout) == (0, "")
    assert sorted(file.name for file in out.iterdir()) == ["a.chunks.json", "a.md", "a.pdf"]
    assert len(service.asked) == 1
    assert {look["text"][0] for look in service.looks} == {"false"}, "no text is sent twice"


def test_with_skip_existing_only_what_is_missing_is_fetched(service: FakeService, scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.pdf").write_text("mine")
    arguments = (scans / "a.jpg", "--format", "md,pdf", "-o", out, "--skip-existing")
    assert read(service, *arguments).exit_code == 0
    assert ((out / "a.pdf").read_text(), (out / "a.md").read_text()) == ("mine", "md of a.jpg ü\n")
    assert "1 skipped" in read(service, *arguments).stderr
    assert len(service.asked) == 1


def test_a_file_that_the_service_makes_first_is_waited_for(service: FakeService, scans: Path, tmp_path: Path) -> None:
    service.making = 2
    done = read(service, scans / "a.jpg", "--format", "zip", "-o", tmp_path / "out")
    assert (done.exit_code, (tmp_path / "out/a.zip").read_bytes()) == (0, "zip of a.jpg ü\n".encode() + b"PK\xff")
    assert len(service.files_asked) == 3
    assert ["wait" in query for query in service.files_asked] == [False, True, True]
    assert all(0 < int(query["wait"][0]) <= 20 for query in service.files_asked[1:])


def test_a_file_that_is_never_made_ends_at_the_timeout(
    service: FakeService, clock: FakeClock, scans: Path, tmp_path: Path
) -> None:
    service.making = 1000
    done = read(service, scans / "a.jpg", "--format", "pdf", "-o", tmp_path / "out", "--timeout", 20)
    assert done.exit_code == 1
    assert "a.jpg, as pdf: timeout: no pdf within 20 s (task 1)" in done.stderr
    assert sum(clock.pauses) == pytest.approx(20)
    assert not list(tmp_path.glob("out/*"))


def test_an_exporter_that_is_about_to_start_is_waited_for(service: FakeService, scans: Path, tmp_path: Path) -> None:
    service.before_a_file = ["no exporter"]
    done = read(service, scans / "a.jpg", "--format", "zip", "-o", tmp_path / "out")
    assert (done.exit_code, done.stderr.count("Start an exporter.")) == (0, 1)
    assert (tmp_path / "out/a.zip").exists()


def test_a_service_without_an_exporter_is_named_long_before_the_timeout(
    service: FakeService, clock: FakeClock, scans: Path, tmp_path: Path
) -> None:
    service.before_a_file, service.retry_after = ["no exporter"] * 1000, "7"
    done = read(service, scans / "a.jpg", "--format", "zip", "-o", tmp_path / "out", "--timeout", 10_000)
    assert done.exit_code == 1
    assert "a.jpg, as zip: no_exporter: Start an exporter. (gave up)" in done.stderr
    assert done.stderr.count("Start an exporter.") == 2  # once while it waits
    assert sum(clock.pauses) == pytest.approx(30)


def test_a_format_that_a_service_lacks_is_named_and_the_others_are_written(
    service: FakeService, scans: Path, tmp_path: Path
) -> None:
    service.lacks, out = ["docx"], tmp_path / "out"
    done = read(service, scans / "a.jpg", scans / "b.png", "--format", "docx,html", "-o", out)
    assert done.exit_code == 1
    assert f"{scans / 'b.png'}, as docx: format_not_available: There is no docx here." in done.stderr
    assert sorted(file.name for file in out.iterdir()) == ["a.html", "b.html"]


def test_an_older_service_that_always_sends_the_text_does_as_well(
    service: FakeService, scans: Path, tmp_path: Path
) -> None:
    service.knows_text = False
    assert read(service, scans / "a.jpg", "--format", "md,text", "-o", tmp_path / "out").exit_code == 0
    assert (tmp_path / "out/a.txt").read_text() == "text of a.jpg ü\n"
    assert (tmp_path / "out/a.md").read_text() == "md of a.jpg ü\n"


def test_json_lines_say_which_files_there_are(service: FakeService, scans: Path, tmp_path: Path) -> None:
    (scans / "b.png").write_text("damaged")
    service.lacks, out = ["docx"], tmp_path / "out"
    done = read(service, scans / "a.jpg", scans / "b.png", "--format", "md,docx", "-o", out, "--json")
    first, second = map(json.loads, done.stdout.splitlines())
    assert (first["status"], first["files"], "result" in first) == ("completed", {"md": str(out / "a.md")}, False)
    assert first["failed_formats"] == {"docx": {"code": "format_not_available", "error": "There is no docx here."}}
    assert (second["status"], second["code"]) == ("failed", "unreadable_image")


def test_no_result_replaces_another_or_a_file_that_is_read(
    service: FakeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.pdf", "b.png", "b.chunks.png"):
        (tmp_path / name).write_text(name)
    replaced = read(service, "a.pdf", "--format", "pdf", "-o", ".")
    assert replaced.exit_code == 2
    assert "a.pdf: the pdf of a.pdf would replace a.pdf, which is read; name another folder" in replaced.stderr
    assert read(service, "b.png", "b.chunks.png", "--format", "json,chunks", "-o", "out").exit_code == 2
    assert service.asked == []
    assert (tmp_path / "a.pdf").read_text() == "a.pdf"


def test_results_of_an_earlier_run_are_not_read(
    service: FakeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.pdf").write_text("a")
    for sources in ([".", "-o", "out"], [".", "-o", "out"], ["**/*.pdf", "-o", "out"]):
        assert read(service, *sources, "--format", "pdf").exit_code == 0
    assert [str(path.relative_to(tmp_path)) for path in sorted(tmp_path.rglob("*.pdf"))] == ["a.pdf", "out/a.pdf"]


def test_a_quoted_pattern_finds_what_the_shell_would_and_mirrors_it(
    service: FakeService, scans: Path, tmp_path: Path
) -> None:
    (scans / "more/deep").mkdir()
    (scans / "more/deep/d.png").write_text("d")
    out = tmp_path / "out"
    done = read(service, f"{scans}/**/*", "--output", out)
    assert done.exit_code == 0
    assert "left out, neither image nor PDF: more/notes.txt" in done.stderr
    written = sorted(str(path.relative_to(out)) for path in out.rglob("*.md"))
    assert written == ["a.md", "b.md", "more/a.md", "more/deep/d.md"]
    names = [file.output_name for file in find_input_files([f"{scans}/[ab].*"])]
    assert names == [PurePath("a"), PurePath("b")]
    assert read(service, f"{scans}/*.webp").exit_code == 2


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(service: FakeService, tmp_path: Path) -> None:
    (tmp_path / "page[1].png").write_text("one")
    assert read(service, tmp_path / "page[1].png").stdout == "one\n"


@pytest.mark.parametrize("before", ["away", "not ready", "breaks off"])
@pytest.mark.parametrize("form", ["text", "json", "chunks"])
def test_a_result_that_does_not_come_is_asked_for_again(
    service: FakeService, clock: FakeClock, scans: Path, form: str, before: str
) -> None:
    service.before_a_file = [before, before]
    assert read(service, scans / "a.jpg", "--format", form).stdout == f"{form} of a.jpg ü\n"
    assert service.before_a_file == []
    assert [pause for pause in clock.pauses if pause] == ([0.5, 1] if before == "breaks off" else [0.5, 0.5])


def test_a_result_that_breaks_off_each_time_is_named(service: FakeService, scans: Path) -> None:
    service.before_a_file = ["breaks off"] * 9
    answer = read(service, scans / "a.jpg", "--format", "text")
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert "connection_lost" in answer.stderr


def test_between_texts_of_several_documents_stands_what_their_format_allows(service: FakeService, scans: Path) -> None:
    files = (scans / "a.jpg", scans / "b.png")
    assert read(service, *files, "--format", "json").stdout == "json of a.jpg ü\njson of b.png ü\n"
    assert f"===== {scans / 'b.png'} =====\ntext of b.png ü\n" in read(service, *files, "--format", "text").stdout


def test_the_prompt_is_sent_with_every_document(service: FakeService, scans: Path) -> None:
    read(service, scans / "a.jpg", "http://example.com/x.png", "--prompt", "<image>\\nFree OCR.", "--jobs", 1)
    assert [fields["prompt"] for fields in service.asked] == ["<image>\\nFree OCR."] * 2


def test_who_wants_pages_read_anew_says_so_of_files_and_urls(service: FakeService, scans: Path) -> None:
    read(service, scans / "a.jpg", "http://example.com/x.png", "--no-cache", "--jobs", 1)
    assert [fields["cache"] for fields in service.asked] == ["False", False]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["missing.png"],
        ["a.jpg", "--skip-existing"],
        ["a.jpg", "--json", "--format", "text"],
        ["a.jpg", "--format", "xlsx"],
        ["a.jpg", "--format", "csv"],
        ["a.jpg", "--format", "html"],
        ["a.jpg", "--format", "md,text"],
        ["a.jpg", "--format", "odt"],
        ["a.jpg", "--format", "pdf", "--json"],
        ["a.jpg", "--skip-existing", "-o", "-"],
        ["a.jpg", "--jobs", "0"],
        ["a.jpg", "--server", "localhost"],
        ["empty"],
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: list[str], scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(scans)
    (scans / "empty").mkdir()
    assert CliRunner().invoke(main, ["read", *arguments]).exit_code == 2


def test_ctrl_c_is_exit_code_130(service: FakeService, scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ocr_celery.cli.output.Output.add", interrupted)
    assert read(service, scans / "a.jpg").exit_code == 130
