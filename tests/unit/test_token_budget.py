"""How much a page may answer."""

import pytest

from ocr_celery.engine.vllm.token_budget import answer_tokens
from ocr_celery.errors import PromptTooLong


def test_what_was_asked_is_granted_where_there_is_room() -> None:
    assert answer_tokens(500, prompt=10, image=903, max_model_len=8192) == 500


def test_more_than_the_room_left_is_reduced_to_it() -> None:
    assert answer_tokens(8192, prompt=10, image=903, max_model_len=8192) == 8192 - 913


def test_the_last_token_is_room_and_none_is_an_error_that_gives_the_numbers() -> None:
    assert answer_tokens(8192, prompt=1000, image=273, max_model_len=1274) == 1
    with pytest.raises(PromptTooLong, match=r"1000 tokens and the picture of 273 .* 1273 tokens in all"):
        answer_tokens(8192, prompt=1000, image=273, max_model_len=1273)
