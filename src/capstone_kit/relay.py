"""Inside a sandbox: hand connections to a Unix socket on to a TCP port of the sandbox's own loopback.

`python relay.py SOCKET PORT`. Standard library only: it runs with the bare interpreter.
"""

import asyncio
import sys


async def hand_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Copy what comes in to the other side until it ends."""
    try:
        while chunk := await source.read(65536):
            target.write(chunk)
            await target.drain()
    except OSError:
        pass
    finally:
        target.close()


async def main(path: str, port: int) -> None:
    """Serve for ever."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(hand_on(reader, back), hand_on(there, writer))

    server = await asyncio.start_unix_server(connected, path)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
