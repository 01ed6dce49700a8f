from tests.integration.sources.robinhood_logins import home
from tests.vendors.fixtures import enter_internet

__all__ = ["enter_internet", "home"]
