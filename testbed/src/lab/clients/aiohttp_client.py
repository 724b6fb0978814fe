# aiohttp, without its own time limit.
import asyncio
import sys

import aiohttp


async def main():
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        async with session.get(sys.argv[1]) as response:
            print(await response.text())


asyncio.run(main())
