"""pyvo works through our session; it keeps our errors as `cause` of its own."""

import gzip

import pytest
import pyvo

from esap.backends.deadline import within
from esap.errors import BackendTimedOut, ForbiddenAddress, UnreadableAnswer
from tests.support.fakes.http import answer, by_path, drip, redirect, truncated

VOTABLE = b"""<?xml version="1.0"?>
<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">
 <RESOURCE type="results"><INFO name="QUERY_STATUS" value="OK"/>
  <TABLE><FIELD name="hip" datatype="int"/><FIELD name="vmag" datatype="double" unit="mag"/>
   <DATA><TABLEDATA>
    <TR><TD>17702</TD><TD>2.85</TD></TR><TR><TD>17847</TD><TD>3.62</TD></TR>
   </TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"""
CAPABILITIES = b"""<?xml version="1.0"?>
<vosi:capabilities xmlns:vosi="http://www.ivoa.net/xml/VOSICapabilities/v1.0"
 xmlns:vs="http://www.ivoa.net/xml/VODataService/v1.1"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
 <capability standardID="ivo://ivoa.net/std/TAP">
  <interface xsi:type="vs:ParamHTTP" role="std"><accessURL use="base">BASE</accessURL></interface>
 </capability></vosi:capabilities>"""


def tap(peer, session):
    return pyvo.dal.TAPService(peer.url.rstrip("/"), session=session)


def test_a_query_is_answered(talk):
    table = answer(
        gzip.compress(VOTABLE), Content_Type="application/x-votable+xml", Content_Encoding="gzip"
    )
    peer, session = talk(by_path(sync=redirect("/result", "303 See Other"), result=table))

    found = tap(peer, session).search("SELECT hip, vmag FROM stars")

    assert list(found["hip"]) == [17702, 17847]
    assert found.fieldnames == ("hip", "vmag")
    assert [heard.method for heard in peer.heard] == ["POST", "GET"]
    assert b"SELECT+hip" in peer.heard[0].body


def test_capabilities_are_read(talk):
    peer, session = talk(by_path(capabilities=answer(CAPABILITIES, Content_Type="text/xml")))

    assert tap(peer, session).capabilities[0].standardid == "ivo://ivoa.net/std/TAP"


def test_a_deadline_holds_for_it(talk, takes):
    peer, session = talk(drip(b" "))

    with takes(0.4), within(0.4), pytest.raises(pyvo.DALFormatError) as error:
        tap(peer, session).search("SELECT 1")

    assert isinstance(error.value.cause, BackendTimedOut)


def test_so_does_the_guard(talk):
    peer, session = talk(redirect("http://localhost:1/"))

    with pytest.raises(pyvo.DALFormatError) as error:
        tap(peer, session).search("SELECT 1")

    assert isinstance(error.value.cause, ForbiddenAddress)


def test_a_truncated_table_is_an_error(talk):
    peer, session = talk(truncated(VOTABLE[:-60], says=len(VOTABLE)))

    with pytest.raises(pyvo.DALFormatError) as error:
        tap(peer, session).search("SELECT 1")

    assert isinstance(error.value.cause, UnreadableAnswer)
