"""Certificates of vendors are always checked: no code and no setting turns that off."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.settings import variables

ROOT = Path(__file__).resolve().parents[2]
CODE = [ROOT / "Home.py", *(path for name in ("pages", "scanner", "db", "app") for path in (ROOT / name).rglob("*.py"))]
UNCHECKED = {
    "CERT_NONE",
    "CERT_OPTIONAL",
    "_create_unverified_context",
    "_create_default_https_context",
    "disable_warnings",
    "SSL_VERIFYPEER",
    "SSL_VERIFYHOST",
}
VERIFYING = {"verify", "verify_ssl", "verify_mode", "check_hostname", "cert_reqs", "ssl", "ssl_verify", "insecure"}
"""Arguments and attributes by which libraries are told whether to check."""


def switches(text: str) -> Iterator[str]:
    """Every place of a program that decides about checking, but for one that plainly says True."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Attribute(attr=name) | ast.Name(id=name) | ast.alias(name=name) if name in UNCHECKED:
                yield f"{getattr(node, 'lineno', 0)}: {name}"
            case ast.Constant(value=str(name)) if name in UNCHECKED | VERIFYING - {"ssl", "insecure"}:
                yield f"{node.lineno}: {name!r}"
            case ast.keyword(arg=str(name), value=value) if name in VERIFYING and not _is_true(value):
                yield f"{value.lineno}: {name}="
            case ast.Assign(targets=targets, value=value) if not _is_true(value):
                yield from (f"{node.lineno}: .{name}" for name in map(_attribute, targets) if name in VERIFYING)
            case ast.AnnAssign(target=target, value=value) if _attribute(target) in VERIFYING and not _is_true(value):
                yield f"{node.lineno}: .{_attribute(target)}"


def _is_true(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Constant) and value.value is True


def _attribute(target: ast.expr) -> str:
    return target.attr if isinstance(target, ast.Attribute) else ""


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_code_decides_about_checking_certificates(path: Path) -> None:
    assert list(switches(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "text",
    [
        "requests.get(url, verify=False)",
        "httpx.Client(verify=0)",
        "httpx.Client(verify=settings.verify)",
        "session.verify = False",
        "context.verify_mode = ssl.CERT_NONE",
        "context.check_hostname = False",
        "ssl._create_unverified_context()",
        "from ssl import _create_unverified_context as make",
        "from ssl import CERT_NONE",
        "urllib3.disable_warnings()",
        "PoolManager(cert_reqs='CERT_NONE')",
        "aiohttp.TCPConnector(ssl=False)",
        "curl.setopt(CurlOpt.SSL_VERIFYPEER, 0)",
        "options = {'verify': False}",
        "setattr(session, 'verify', False)",
    ],
)
def test_every_way_to_turn_it_off_is_found(text: str) -> None:
    assert list(switches(text))


@pytest.mark.parametrize("text", ["httpx.Client(verify=True)", "session.get(url)", "context.check_hostname = True"])
def test_checking_is_no_finding(text: str) -> None:
    assert not list(switches(text))


def test_no_setting_is_about_checking_certificates() -> None:
    words = ("VERIFY", "TLS", "SSL", "CERT", "INSECURE")
    assert [name for name in variables() if any(word in name for word in words)] == []
