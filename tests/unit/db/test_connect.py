"""What messages show of an address, and which error a failure becomes. A loopback fake speaks the server's part."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import errors

from db.connect import check_server_version, connect, connection_error, describe, statement_error
from scanner.errors import (
    DatabaseAuthError,
    DatabaseError,
    DatabaseTimeoutError,
    DatabaseTooOldError,
    DatabaseUnreachableError,
)

ServerThatSays = Callable[[bytes], str]


def message(kind: bytes, body: bytes) -> bytes:
    """One message of the PostgreSQL protocol (documentation, chapter 'Message Formats')."""
    return kind + struct.pack("!I", len(body) + 4) + body


def greeting(version: str) -> bytes:
    """What a server of this version answers to a start-up packet without asking for a password."""
    settings = {"server_version": version, "client_encoding": "UTF8", "standard_conforming_strings": "on"}
    status = b"".join(message(b"S", f"{name}\0{value}\0".encode()) for name, value in settings.items())
    return message(b"R", struct.pack("!I", 0)) + status + message(b"K", struct.pack("!II", 1, 1)) + message(b"Z", b"I")


def refusal(code: str, text: str) -> bytes:
    return message(b"E", f"SFATAL\0VFATAL\0C{code}\0M{text}\0\0".encode())


@pytest.fixture
def server_that_says() -> Iterator[ServerThatSays]:
    """A function that starts a loopback server with one fixed answer and returns the address of a database on it."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def serve(answer: bytes) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(answer)
            connection.recv(4096)

    def start(answer: bytes) -> str:
        thread = threading.Thread(target=serve, args=[answer])
        thread.start()
        threads.append(thread)
        port = listener.getsockname()[1]
        return f"host=127.0.0.1 port={port} dbname=prices user=me password=s3cret sslmode=disable gssencmode=disable"

    yield start
    for thread in threads:
        thread.join(10)
    listener.close()


@pytest.mark.parametrize(
    ("dsn", "shown"),
    [
        ("postgresql://me:s3cret@db.example:5433/prices", "me@db.example:5433/prices"),
        ("postgres://me:s3cret@db.example/prices?sslmode=require", "me@db.example:5432/prices"),
        ("host=/run/postgresql user=me", "me@/run/postgresql:5432/me"),
        ("dbname=prices", "the current user@the local socket:5432/prices"),
        ("mysql://me:s3cret@db.example/prices", "an address that cannot be read"),
    ],
)
def test_describe_never_shows_the_password(dsn: str, shown: str) -> None:
    assert describe(dsn) == shown


@pytest.mark.parametrize("version", [140000, 140005, 180004, 190000])
def test_versions_that_work(version: int) -> None:
    check_server_version(version, "dbname=prices")


@pytest.mark.parametrize(("version", "major"), [(130022, 13), (90624, 9)])
def test_versions_that_are_too_old(version: int, major: int) -> None:
    with pytest.raises(DatabaseTooOldError, match=f"runs PostgreSQL {major}; this program needs 14 or newer"):
        check_server_version(version, "dbname=prices")


def test_an_old_server_is_refused(server_that_says: ServerThatSays) -> None:
    with pytest.raises(DatabaseTooOldError, match="runs PostgreSQL 13") as caught:
        connect(server_that_says(greeting("13.22")))
    assert "s3cret" not in str(caught.value)


def test_a_new_enough_server_is_not_refused(server_that_says: ServerThatSays) -> None:
    connect(server_that_says(greeting("14.1 (Debian 14.1-1)"))).close()


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("28P01", 'password authentication failed for user "me"', DatabaseAuthError),
        ("28000", 'no pg_hba.conf entry for host "192.0.2.1"', DatabaseAuthError),
        ("3D000", 'database "prices" does not exist', DatabaseAuthError),
        ("53300", "sorry, too many clients already", DatabaseUnreachableError),
        ("57P03", "the database system is starting up", DatabaseUnreachableError),
    ],
)
def test_refusals(server_that_says: ServerThatSays, code: str, text: str, expected: type[DatabaseError]) -> None:
    with pytest.raises(expected) as caught:
        connect(server_that_says(refusal(code, text)))
    assert text in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert "no database answers" not in str(caught.value)


def test_something_that_is_not_a_database(server_that_says: ServerThatSays) -> None:
    with pytest.raises(DatabaseUnreachableError, match="no database answers"):
        connect(server_that_says(b"HTTP/1.1 400 Bad Request\r\n\r\n"))


def test_an_address_that_cannot_be_read_is_not_repeated() -> None:
    with pytest.raises(DatabaseUnreachableError, match="DATABASE_URL looks like") as caught:
        connect("postgresql+psycopg://me:s3cret@db.example/prices")
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("part", ["connect_timeout=soon", "port=a", "sslmode=maybe"])
def test_an_address_with_a_value_that_means_nothing(part: str) -> None:
    with pytest.raises(DatabaseUnreachableError) as caught:
        connect(f"host=127.0.0.1 password=s3cret {part}")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.QueryCanceled("canceling statement due to statement timeout"), DatabaseTimeoutError),
        (errors.LockNotAvailable("canceling statement due to lock timeout"), DatabaseTimeoutError),
        (errors.AdminShutdown("terminating connection due to administrator command"), DatabaseUnreachableError),
        (errors.ConnectionFailure("connection failure"), DatabaseUnreachableError),
        (psycopg.OperationalError("server closed the connection unexpectedly"), DatabaseUnreachableError),
    ],
)
def test_failures_on_an_open_connection(error: psycopg.Error, expected: type[DatabaseError]) -> None:
    assert type(statement_error(error, "dbname=prices")) is expected


@pytest.mark.parametrize(
    "error", [errors.DeadlockDetected("deadlock"), errors.DiskFull("full"), errors.CheckViolation()]
)
def test_other_failures_are_named_and_not_taken_for_a_lost_connection(error: psycopg.Error) -> None:
    translated = statement_error(error, "dbname=prices")
    assert type(translated) is DatabaseError
    assert type(error).__name__ in str(translated)


def test_every_address_that_was_tried_is_named() -> None:
    error = psycopg.OperationalError("Multiple attempts failed\n- host: a\n- host: b")
    assert "Multiple attempts failed; - host: a; - host: b" in str(connection_error(error, "dbname=prices"))
