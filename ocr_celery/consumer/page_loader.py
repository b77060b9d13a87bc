"""From a job to the bytes of its file: looked up or fetched, before they are decoded."""

from redis import Redis

from ocr_celery.errors import BadOption, FileTooLarge, ImageExpired
from ocr_celery.fetch.address_policy import Address
from ocr_celery.fetch.download import Downloader
from ocr_celery.message import IMAGE, Job
from ocr_celery.settings import Settings
from ocr_celery.store import blobs
from ocr_celery.store.keys import Keys


class Intake:
    """Gets files, many at once (safe to call from many threads)."""

    def __init__(self, settings: Settings, redis: Redis, keys: Keys) -> None:
        self.settings = settings
        self.redis = redis
        self.keys = keys
        self.downloader = Downloader(
            timeout=settings.image_download_timeout,
            max_bytes=settings.max_image_bytes,
            max_redirects=settings.max_redirects,
            allow=settings.url_allow,
        )

    def file(self, job: Job, address: Address | None = None) -> bytes:
        """The file of a job. Raises the `OcrError` that says why there is none.

        `address`: of the host of its URL, where that is known.
        """
        data = self._stored(job.source) if job.task == IMAGE else self.downloader.fetch(job.source, address)
        if len(data) > self.settings.max_image_bytes:
            raise FileTooLarge()
        return data

    def _stored(self, source: object) -> bytes:
        if isinstance(source, bytes):
            return source
        if not isinstance(source, str) or not source.startswith(blobs.SCHEME):
            raise BadOption("image: must be raw bytes or a reference from client.store_image.")
        data = blobs.get(self.redis, self.keys, source)
        if data is None:
            raise ImageExpired()
        return data
