"""Which addresses the gateway may connect to."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esap.backends.address import check_url, is_private_unicast, is_public
from esap.errors import ForbiddenAddress


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "130.79.128.5",
        "99.255.255.255",
        "172.32.0.1",
        "192.0.1.1",
        "2001:4860:4860::8888",
        "2a01:4f8::1",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
    ],
)
def test_addresses_of_the_open_internet_are_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104 - nothing is bound
        "0.1.2.3",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::10.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:0:10.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::8.8.8.8",
        "100::1",
        "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:2::1",
        "2001:10::1",
        "2001:db8::1",
        "2002:a00:1::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_all_others_are_not(address):
    assert not is_public(address)


@given(st.ip_addresses(v=4, network="10.0.0.0/8"))
def test_no_disguise_makes_a_private_address_public(address: IPv4Address):
    number = int(address)
    disguises = [
        IPv6Address(0xFFFF << 32 | number),
        IPv6Address(number),
        IPv6Address(0x64FF9B << 96 | number),
        IPv6Address(0x2002 << 112 | number << 80 | 1),
        IPv6Address(0x20010000 << 96 | (number ^ 0xFFFFFFFF)),
    ]

    assert not any(is_public(str(disguise)) for disguise in disguises)


@pytest.mark.parametrize(
    "address",
    ["10.0.0.1", "127.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "::1", "fd00::1"],
)
def test_an_operators_peers_may_live_in_a_private_network(address):
    assert is_private_unicast(address)


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "fe80::1", "0.0.0.1", "224.0.0.1", "255.255.255.255", "ff02::1"]
)
def test_but_not_where_clouds_keep_their_secrets_nor_everywhere_at_once(address):
    assert not is_private_unicast(address)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://vo.example.org/tap", "vo.example.org"),
        ("http://VO.example.org:8080", "vo.example.org"),
        ("http://[2001:db8::1]:80/", "2001:db8::1"),
    ],
)
def test_a_url_has_a_host(url, host):
    assert check_url(url) == host


@pytest.mark.parametrize(
    "url",
    [
        "",
        "file:///etc/passwd",
        "ftp://vo.example.org/",
        "gopher://vo.example.org/",
        "//vo.example.org/",
        "https:///tap",
        "https://vo.example.org:0/",
        "https://vo.example.org:65536/",
        "https://vo.example.org:tap/",
        "https://[::1/",
        "https://user@vo.example.org/",
        "https://user:secret@vo.example.org/",
        "https://public.example.org@127.0.0.1/",
    ],
)
def test_a_url_that_cannot_be_right_is_refused(url):
    with pytest.raises(ForbiddenAddress) as refusal:
        check_url(url)

    assert "secret" not in refusal.value.detail
