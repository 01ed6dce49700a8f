from tests.vendors.fixtures import enter_internet

__all__ = ["enter_internet"]
