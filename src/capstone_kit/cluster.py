"""Other machines' cores: a function of plain values, run by the workers of a Dask cluster."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from capstone_kit.project import CannotRunError

PATIENCE = 10  # seconds until a scheduler that says nothing, or has no worker, is not waited for


def spread(
    address: str, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]
) -> Iterator[tuple[int, Any, BaseException | None]]:
    """Call `function` with each task's values; give place, result and error of each task as soon as it ends.

    Raises `CannotRunError` where there is no Dask, or nothing that answers at the address.
    """
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise CannotRunError("--cluster needs Dask: `uv pip install 'capstone-kit[cluster]'`") from None
    try:
        client = Client(address, timeout=PATIENCE)
    except (OSError, ValueError) as error:  # nobody listens; no address at all
        raise CannotRunError(f"--cluster: no scheduler answers at {address}: {error}") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            told = f"--cluster: the scheduler at {address} has no workers: start `dask worker {address}`"
            raise CannotRunError(told) from None
        futures = {client.submit(function, *task, pure=False): place for place, task in enumerate(tasks)}
        for future in as_completed(list(futures)):
            error = future.exception()
            yield futures[future], None if error else future.result(), error
