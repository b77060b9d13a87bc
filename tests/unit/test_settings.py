"""Settings: what stops the start, and with which one line."""

import os
import re
from pathlib import Path

import pytest
from dotenv import dotenv_values

from ocr_celery.settings import Settings, SettingsError, load_settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without `.env`, and an environment without settings."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.upper().startswith("OCR_") or name == "REDIS_URL":
            monkeypatch.delenv(name)
    return tmp_path


def refusal() -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings()
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_with_nothing_set_the_defaults_are_used() -> None:
    settings = load_settings()
    assert (settings.port, settings.batch_size, settings.redis_url) == (8000, 8, "")


def test_a_misspelt_name_is_refused_and_the_right_one_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCR_BATCH_SZE", "4")
    assert refusal() == "OCR_BATCH_SZE: there is no such setting; did you mean OCR_BATCH_SIZE?"


def test_a_misspelt_name_in_the_file_is_refused_too(elsewhere: Path) -> None:
    (elsewhere / ".env").write_text("OCR_PROT=9000\nFLASK_DEBUG=1\n")
    assert refusal() == "OCR_PROT: there is no such setting; did you mean OCR_PORT?"


def test_a_foreign_name_in_the_file_is_no_matter(elsewhere: Path) -> None:
    (elsewhere / ".env").write_text("FLASK_DEBUG=1\nOCR_PORT=9000\n")
    assert load_settings().port == 9000


@pytest.mark.parametrize(
    ("name", "value", "wants"),
    [
        ("OCR_PORT", "eighty", "a valid integer"),
        ("OCR_PORT", "70000", "less than or equal to 65535"),
        ("OCR_BATCH_TIMEOUT", "-1", "greater than or equal to 0"),
        ("OCR_ENGINE", "tesseract", "'vllm'"),
        ("OCR_LOG_LEVEL", "LOUD", "'DEBUG'"),
        ("OCR_GPU_MEMORY_UTIL", "80", "less than or equal to 1"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_wanted(
    name: str, value: str, wants: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    said = refusal()
    assert said.startswith(f"{name}: got '{value}', wants ")
    assert wants in said


@pytest.mark.parametrize(
    "together",
    [
        {"OCR_BATCH_SIZE": "200", "OCR_MAX_QUEUE_SIZE": "100"},
        {"OCR_DEFAULT_MAX_TOKENS": "8192", "OCR_MAX_MODEL_LEN": "4096"},
        {"OCR_DEFAULT_PROMPT": "<image><image>read"},
    ],
)
def test_what_does_not_fit_together_is_refused_by_name(
    together: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in together.items():
        monkeypatch.setenv(name, value)
    said = refusal()
    for name in together:
        assert name in said


def test_an_empty_value_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCR_PORT", "")
    assert load_settings().port == 8000


def test_the_environment_goes_before_the_file(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (elsewhere / ".env").write_text("OCR_PORT=9000\nREDIS_URL=redis://file/0\n")
    monkeypatch.setenv("OCR_PORT", "9001")
    settings = load_settings()
    assert (settings.port, settings.redis_url) == (9001, "redis://file/0")


@pytest.mark.parametrize("url", ["/tmp/redis.sock", "localhost:6379", "http://localhost"])
def test_a_redis_url_of_another_form_is_refused_with_those_that_are_known(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    with pytest.raises(SettingsError, match=r"^REDIS_URL: got '.*', wants redis://HOST:6379/0, "):
        load_settings()


def test_a_unix_socket_may_be_written_as_redis_py_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "unix:///run/redis.sock")
    assert load_settings().redis_url == "redis+socket:///run/redis.sock"


def test_redis_has_two_names_and_the_one_that_is_ours_alone_goes_before(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://plain/0")
    assert load_settings().redis_url == "redis://plain/0"
    monkeypatch.setenv("OCR_REDIS_URL", "redis://prefixed/0")
    assert load_settings().redis_url == "redis://prefixed/0"
    monkeypatch.setenv("OCR_REDIS_URL", "")
    assert load_settings().redis_url == "redis://plain/0"
    monkeypatch.delenv("REDIS_URL")
    (elsewhere / ".env").write_text("REDIS_URL=redis://plain-file/0\nOCR_REDIS_URL=redis://file/0\n")
    assert load_settings().redis_url == "redis://file/0"


def test_settings_that_are_given_are_not_mixed_with_those_of_the_environment(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere / ".env").write_text("OCR_QUEUE=file\nOCR_TASK_TTL=x\n")
    monkeypatch.setenv("OCR_PORT", "eighty")
    monkeypatch.setenv("OCR_REDIS_URL", "redis://environment/0")
    given = Settings(redis_url="redis://given/0")
    assert (given.redis_url, given.port, given.queue) == (
        "redis://given/0",
        8000,
        Settings.model_fields["queue"].default,
    )


def test_the_example_names_every_setting_and_no_other() -> None:
    named = re.findall(r"^#(\w+)=", EXAMPLE.read_text(), re.MULTILINE)
    wanted = {"REDIS_URL" if name == "redis_url" else f"OCR_{name.upper()}" for name in Settings.model_fields}
    assert sorted(named) == sorted(wanted)


def test_the_example_shows_the_defaults(elsewhere: Path) -> None:
    defaults = Settings()
    (elsewhere / ".env").write_text(re.sub(r"^#(?=\w+=)", "", EXAMPLE.read_text(), flags=re.MULTILINE))
    assert len(dotenv_values(".env")) == len(Settings.model_fields)
    shown = load_settings()
    prompt = {"default_prompt"}  # written with the two characters \n there
    assert shown.model_dump(exclude=prompt) == defaults.model_dump(exclude=prompt)
    assert shown.options() == defaults.options()


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("rediss://host:6379/0", "rediss://host:6379/0?ssl_cert_reqs=required"),
        ("rediss://host/0?ssl_ca_certs=/ca.pem", "rediss://host/0?ssl_ca_certs=/ca.pem&ssl_cert_reqs=required"),
        ("rediss://host/0?ssl_cert_reqs=none", "rediss://host/0?ssl_cert_reqs=none"),
        ("redis://host:6379/0", "redis://host:6379/0"),
    ],
)
def test_tls_wants_a_certificate_unless_it_is_told_otherwise(given: str, used: str) -> None:
    assert Settings(redis_url=given).redis_url == used
