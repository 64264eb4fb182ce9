"""What a signature says, read from its source without importing it: torch alone takes seconds to import."""
