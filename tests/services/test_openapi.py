"""The checked-in OpenAPI document against the running service."""

import asyncio
import re
from urllib.parse import urlsplit

import jsonschema_rs
import pytest
import schemathesis
from daric_host.services.app import CLEAR, SEALED
from daric_protocol.errors import ERRORS
from hypothesis import HealthCheck, Phase, given, settings

from tests import cddl
from tests.services.conftest import DOCUMENT
from tests.services.house import House, new_identity

OPERATIONS = {(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods}


def test_the_document_lists_exactly_the_routes():
    assert OPERATIONS == {(method, path) for method, path, _ in (*SEALED, *CLEAR)}


def test_every_rule_that_the_document_names_exists():
    rules = set(re.findall(r'"x-cddl": "(\w+)"', str(DOCUMENT).replace("'", '"')))
    assert len(rules) > 15
    for rule in rules:
        cddl.schema(rule)


def test_everything_behind_a_login_is_sealed_both_ways():
    for methods in DOCUMENT["paths"].values():
        for method, operation in methods.items():
            if "security" in operation:
                assert list(operation["responses"]["200"]["content"]) == ["application/cbor"]
                assert ("requestBody" in operation) == (method == "post")


def validator(schema):
    return jsonschema_rs.Draft202012Validator({**schema, "components": DOCUMENT["components"]})


async def observe(house, requests):
    """Every response of these requests is one that the document describes."""
    client = house.client()
    for method, path, arguments in requests:
        template = re.sub(r"(/sessions/)[^/?]+", r"\1{session}", urlsplit(path).path)
        async with client._connection.http.request(method, house.url + path, **arguments) as response:
            described = DOCUMENT["paths"][template][method.lower()]["responses"][str(response.status)]
            if "$ref" in described:
                described = DOCUMENT["components"]["responses"][described["$ref"].rsplit("/", 1)[1]]
            schema = described["content"][response.content_type]["schema"]
            if response.content_type.endswith("json"):
                document = await response.json(content_type=None)
                validator(schema).validate(document)
                assert response.status == 200 or document["code"] in ERRORS


async def test_answers_to_good_and_bad_requests_are_described(house):
    identity = {"identity": new_identity().public.hex(), "purpose": "login"}
    session = "/v1/sessions/3f2b8c1e-0000-4000-8000-000000000000"
    requests = [
        ("GET", "/healthz", {}),
        ("GET", "/readyz", {}),
        ("GET", "/metrics", {}),
        ("GET", "/v1/openapi.json", {}),
        ("GET", "/.well-known/jwks.json", {}),
        ("POST", "/v1/auth/challenge", {"json": identity}),
        ("POST", "/v1/auth/challenge", {"json": {}}),
        ("POST", "/v1/auth/login", {"json": {"challenge": "00" * 32, "ephemeral": "02" * 33, "signature": "00" * 64}}),
        ("POST", "/v1/auth/login", {"data": b"x" * 9000}),
    ]
    phone = await house.phone()
    headers = {"Authorization": f"Bearer {(await phone._connection.logged_in()).token}"}
    for method, path, _ in SEALED:
        concrete = path.replace("/v1/sessions/{session}", session)
        for extra in ({}, {"headers": headers}, {"headers": headers, "data": b"\x80"}):
            if method == "POST" or "data" not in extra:
                requests.append((method, concrete, extra))
    requests.append(("GET", session + "/messages?after=x", {"headers": headers}))
    requests.append(("GET", session + "?newer=-1", {"headers": headers}))
    await observe(house, requests)


@pytest.fixture
async def served(tmp_path):
    """A house with a registered party's token, for requests made in another thread."""
    async with House(tmp_path, long_poll=0.01) as house:
        phone = await house.phone()
        yield house, (await phone._connection.logged_in()).token


@pytest.mark.usefixtures("hostile")
async def test_generated_requests_find_no_undocumented_answer(served):
    house, token = served
    document = {**DOCUMENT, "servers": [{"url": house.url}]}
    schema = schemathesis.openapi.from_dict(document)
    schema.config.base_url = house.url
    checks = [
        schemathesis.checks.not_a_server_error,
        schemathesis.specs.openapi.checks.status_code_conformance,
        schemathesis.specs.openapi.checks.content_type_conformance,
        schemathesis.specs.openapi.checks.response_schema_conformance,
    ]

    def run():
        for operation in schema.get_all_operations():
            attack(operation.ok(), token, checks)

    await asyncio.to_thread(run)


@schemathesis.serializer("application/cbor")
def as_bytes(_context, value):
    """Generated bodies of sealed requests are no hop frames; they go out as they are."""
    return getattr(value, "data", None) or str(value).encode()


def attack(operation, token, checks):
    """A few generated requests to one operation."""

    @given(case=operation.as_strategy())
    @settings(
        max_examples=4, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    def test(case):
        case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, checks=checks)

    test()
