"""Run as a process: a phone that changes its group together with its device and the cloud, and kills itself in a round.

python dying_phone.py HOME URL KEY CLOUD_IDENTITY CLOUD_URL DEVICE_PATH GROUP refresh|remove ROUND
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from daric_host.wallet import Service, Wallet

home, url, key, cloud_identity, cloud_url, path, group, what, number = sys.argv[1:]


async def yes(_):
    return True


def watch(event):
    if event.kind == "state" and event.seat == "phone" and event.data["round"] == int(number):
        os.kill(os.getpid(), signal.SIGKILL)


async def main():
    service = Service(url, bytes.fromhex(key), bytes.fromhex(cloud_identity))
    async with await Wallet.open(Path(home), service, yes, watch) as wallet:
        identity = await wallet.connect(path)
        gid = bytes.fromhex(group)
        if what == "refresh":
            proposal = await wallet.propose_refresh(gid)
        else:
            cloud = [member.index for member in wallet.group(gid).members if member.kind == "cloud"]
            proposal = await wallet.propose_reshare(gid, 2, leaving=cloud)
        await wallet.invite(proposal, [identity], cloud_url)
        await wallet.run(proposal)


asyncio.run(main())
