"""Rucio's REST server under gunicorn, with variables that Apache would set."""

from rucio.web.rest.main import application as rucio

SHORT = {
    "commonName": "CN",
    "organizationalUnitName": "OU",
    "organizationName": "O",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "countryName": "C",
    "domainComponent": "DC",
}


def application(environ, start_response):
    """Answer as Rucio; without REQUEST_URI, its redirects to replicas are errors."""
    environ.setdefault("REQUEST_URI", environ.get("RAW_URI", "/"))
    connection = environ.get("gunicorn.socket")
    if shown := getattr(connection, "getpeercert", dict)():
        environ["SSL_CLIENT_VERIFY"] = "SUCCESS"
        environ["SSL_CLIENT_S_DN"] = distinguished_name(shown["subject"])
    return rucio(environ, start_response)


def distinguished_name(subject):
    """Write a name as mod_ssl does (RFC 2253): what is most special comes first."""
    parts = [f"{SHORT[kind]}={value}" for one in subject for kind, value in one]
    return ",".join(reversed(parts))
