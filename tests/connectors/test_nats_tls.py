"""TLS, mutual TLS, nkeys and credentials files against a real nats-server with certificates made here."""

import asyncio
import base64
import datetime
import ipaddress
import json
import os
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors import nats_server
from connectors.errors import NatsAway
from connectors.nats import BadLogin, NatsTarget, StreamSpec, connect, ensure_stream, publish
from engine.run.runtime import external_nats
from engine.settings import load_settings

LOOPBACK = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])


def certificate(folder, name, issuer=None):
    """(certificate, key) written as <name>.pem and <name>.key; an issuer makes it no authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(LOOPBACK, critical=False)
        .sign(issuer[1] if issuer else key, hashes.SHA256())
    )
    (folder / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / f"{name}.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
    return made, key


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Certificates: ca, server and client signed by it, and a client that signed itself."""
    folder = tmp_path_factory.mktemp("tls")
    authority = certificate(folder, "ca")
    certificate(folder, "server", authority)
    certificate(folder, "client", authority)
    certificate(folder, "stranger")
    return folder


def seed(kind):
    """(nkey seed, public key) of an operator, account or user."""
    import nkeys

    prefix = {
        "operator": nkeys.PREFIX_BYTE_OPERATOR,
        "account": nkeys.PREFIX_BYTE_ACCOUNT,
        "user": nkeys.PREFIX_BYTE_USER,
    }
    made = nkeys.encode_seed(os.urandom(32), prefix[kind])
    return made, nkeys.from_seed(bytearray(made)).public_key.decode()


def jwt(issuer_seed, subject, name, nats):
    """A JWT of NATS (ed25519-nkey) about `subject`."""
    import nkeys

    pair = nkeys.from_seed(bytearray(issuer_seed))

    def part(value):
        return base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).rstrip(b"=")

    claims = {
        "jti": os.urandom(8).hex(),
        "iat": 1767225600,
        "iss": pair.public_key.decode(),
        "name": name,
        "sub": subject,
    }
    body = part({"typ": "JWT", "alg": "ed25519-nkey"}) + b"." + part(claims | {"nats": {"version": 2} | nats})
    return (body + b"." + part(pair.sign(body))).decode()


@pytest.fixture
def serve(tmp_path, folder):
    """Starts a nats-server with these lines of configuration; gives its tls:// address."""
    running = []

    def start(tls="", more=""):
        port = nats_server.free_port()
        config, log = tmp_path / f"{port}.conf", tmp_path / f"{port}.log"
        files = (
            f"cert_file: {json.dumps(str(folder / 'server.pem'))}, key_file: {json.dumps(str(folder / 'server.key'))}"
        )
        config.write_text(
            f'listen: "127.0.0.1:{port}"\nlog_file: {json.dumps(str(log))}\ntls {{ {files} {tls} }}\n'
            f"jetstream {{ store_dir: {json.dumps(str(tmp_path / 'store'))} }}\n{more}\n"
        )
        process = subprocess.Popen([str(nats_server.find_binary()), "-c", str(config)])
        running.append(process)
        nats_server.wait_ready(process, nats_server.Credentials(f"nats://127.0.0.1:{port}", "", ""), log)
        return f"tls://127.0.0.1:{port}"

    yield start
    for process in running:
        nats_server.stop(process)


def target(**nats):
    """As the settings of an engine say it."""
    return external_nats(load_settings(nats=nats).nats)


def publish_through(where):
    async def run():
        connection = await connect(where, "test", patient=False)
        try:
            await ensure_stream(connection.jetstream(), "S", ["s.>"], StreamSpec(1 << 20, 1 << 20, 60))
            return (await publish(connection.jetstream(), "s.a", b"x", "one")).seq
        finally:
            await connection.close()

    return asyncio.run(run())


def test_the_server_is_trusted_by_the_certificates_of_the_configuration(serve, folder):
    url = serve()
    assert publish_through(target(url=url, ca_file=folder / "ca.pem")) == 1
    for wrong in ({}, {"ca_file": folder / "stranger.pem"}):
        with pytest.raises(NatsAway, match="no connection"):
            publish_through(target(url=url, **wrong))


def test_mutual_tls_takes_only_who_its_authority_signed(serve, folder):
    url = serve(tls=f", ca_file: {json.dumps(str(folder / 'ca.pem'))}, verify: true")
    own = {"url": url, "ca_file": folder / "ca.pem"}
    assert publish_through(target(**own, cert_file=folder / "client.pem", key_file=folder / "client.key")) == 1
    stranger = {"cert_file": folder / "stranger.pem", "key_file": folder / "stranger.key"}
    for wrong in ({}, stranger):
        with pytest.raises(NatsAway, match="no connection"):
            publish_through(target(**own, **wrong))


def test_a_certificate_file_that_is_missing_or_none_is_named(folder, tmp_path):
    with pytest.raises(BadLogin, match=r"nats\.cert_file .*none\.pem"):
        publish_through(NatsTarget("tls://127.0.0.1:1", cert_file=str(tmp_path / "none.pem")))
    with pytest.raises(BadLogin, match=r"nats\.ca_file .*ca\.key"):
        publish_through(NatsTarget("tls://127.0.0.1:1", ca_file=str(folder / "ca.key")))


def test_an_nkey_logs_in_and_another_one_does_not(serve, folder, tmp_path):
    mine, public = seed("user")
    other, _ = seed("user")
    for name, value in (("mine", mine), ("other", other)):
        (tmp_path / f"{name}.nk").write_bytes(value)
    url = serve(more=f"authorization {{ users: [ {{ nkey: {public} }} ] }}")
    own = {"url": url, "ca_file": folder / "ca.pem"}
    assert publish_through(target(**own, nkey_file=tmp_path / "mine.nk")) == 1
    with pytest.raises(NatsAway, match="no connection"):
        publish_through(target(**own, nkey_file=tmp_path / "other.nk"))


def test_a_credentials_file_logs_in_to_its_account(serve, folder, tmp_path):
    operator, operator_key = seed("operator")
    account, account_key = seed("account")
    user, user_key = seed("user")
    unlimited = {"subs": -1, "data": -1, "payload": -1}
    no_streams = unlimited | {"imports": -1, "exports": -1, "wildcards": True, "conn": -1, "leaf": -1}
    account_limits = no_streams | {"mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1}
    _, system_key = seed("account")
    about_account = jwt(operator, account_key, "BEEJAN", {"type": "account", "limits": account_limits})
    about_system = jwt(operator, system_key, "SYS", {"type": "account", "limits": no_streams})
    about_user = jwt(account, user_key, "beejan", {"type": "user", "pub": {}, "sub": {}, **unlimited})
    (tmp_path / "beejan.creds").write_text(
        f"-----BEGIN NATS USER JWT-----\n{about_user}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{user.decode()}\n------END USER NKEY SEED------\n"
    )
    told = jwt(operator, operator_key, "operator", {"type": "operator"})
    accounts = f"{{ {account_key}: {about_account}, {system_key}: {about_system} }}"
    more = f"operator: {told}\nsystem_account: {system_key}\nresolver: MEMORY\nresolver_preload: {accounts}"
    url = serve(more=more)
    own = {"url": url, "ca_file": folder / "ca.pem"}
    assert publish_through(target(**own, credentials_file=tmp_path / "beejan.creds")) == 1
    with pytest.raises(NatsAway, match="no connection"):
        publish_through(target(**own))
