"""What lies in the real cloud process's files before and after it erases a group."""

import pytest
from daric_host.cloud_client import CloudClient
from daric_host.receipts import CloudRecord
from daric_protocol import envelope
from daric_protocol.errors import DaricError
from daric_sim.house import CLOUD

from tests.flows.conftest import indexes


def files(house):
    return b"".join(path.read_bytes() for path in (house.home / CLOUD).glob("store.db*"))


def lies_in(house, record):
    return envelope.decode(CloudRecord, record, len(record)).sealed in files(house)


async def test_an_erased_shard_is_in_no_file_of_the_running_cloud_and_its_receipt_survives_a_kill(tell, house):
    async with tell() as story:
        before = await story.create()
        cloud = CloudClient(house.cloud_url, story.wallet.relay)
        first = await cloud.record(before.id)
        assert lies_in(house, first)
        proposal = await story.wallet.propose_refresh(before.id)
        await story.run(proposal)
        second = await cloud.record(before.id)
        assert not lies_in(house, first) and lies_in(house, second)
        proposal = await story.wallet.propose_reshare(before.id, 2, leaving=indexes(before, "cloud"))
        await story.run(proposal)
        receipt = await story.wallet.delete_cloud_shard(before.id, house.cloud_url)
        assert not lies_in(house, second)
        house.kill(CLOUD)
        house.start_cloud()
        assert not lies_in(house, second)
        again = CloudClient(house.cloud_url, story.wallet.relay)
        assert await again.delete(before.id) == receipt.encode()
        with pytest.raises(DaricError) as caught:
            await again.record(before.id)
        assert caught.value.name == "group"
