"""The types of settings that a plain type cannot express: each accepts what an operator types.

The message of each `ValueError` goes on after "wants", see `settings.one_line`: what the variable wants.
"""

import re
from importlib.util import find_spec
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

from ocr_celery.core import store_address

_REDIS_SCHEMES = ("redis://", "rediss://", "redis+socket://")
_ROOT_PATH = re.compile(r"(/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*")


def _check_redis_url(value: str) -> str:
    value = value.replace("unix://", "redis+socket://", 1) if value.startswith("unix://") else value
    if value and not value.startswith(_REDIS_SCHEMES):
        raise ValueError("redis://HOST:6379/0, rediss://HOST:6379/0 or redis+socket:///path/to/redis.sock")
    if value.startswith("rediss://") and "ssl_cert_reqs=" not in value:
        # Celery refuses a URL that leaves it open, and kombu would then ask for no certificate at all
        value += ("&" if "?" in value else "?") + "ssl_cert_reqs=required"
    return value


def _check_store(value: str) -> str:
    if value and store_address.parse(value).kind == store_address.S3 and find_spec("obstore") is None:
        raise ValueError("obstore for a store in S3: pip install 'ocr-celery[s3]'")
    return value


def _check_root_path(value: str) -> str:
    path = value.rstrip("/")
    if not _ROOT_PATH.fullmatch(path):
        raise ValueError("a path like /ocr-service, of letters, digits and . _ ~ -")
    return path


def _split_words(value: Any) -> Any:
    return tuple(filter(None, re.split(r"[,\s]+", value))) if isinstance(value, str) else value


def _parse_networks(value: Any) -> Any:
    try:
        return tuple(ip_network(part, strict=False) for part in _split_words(value))
    except ValueError:
        raise ValueError("addresses or networks of proxies, such as 10.0.0.5 or 10.0.0.0/8") from None


def _without_brackets(value: str) -> str:
    return value[1:-1] if value.startswith("[") and value.endswith("]") else value


#: a Redis; a `rediss://` URL that does not say so asks for a valid certificate
RedisUrl = Annotated[str, AfterValidator(_check_redis_url)]
#: a store of files
StoreSetting = Annotated[str, AfterValidator(_check_store)]
#: the path under which a proxy publishes the service, without a slash at its end
RootPath = Annotated[str, AfterValidator(_check_root_path)]
#: an address to listen on; IPv6 may be written in brackets, as in a URL
BindAddress = Annotated[str, AfterValidator(_without_brackets)]
#: a list, separated by commas or spaces
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_words)]
#: addresses and networks, separated by commas or spaces
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_parse_networks)]
