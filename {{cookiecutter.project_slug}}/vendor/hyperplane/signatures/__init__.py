"""What a signature says, read from its source without importing it: torch alone takes seconds to import."""

from .classes import class_attribute as class_attribute
