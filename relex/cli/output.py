"""How commands print: tables whose columns line up, Chinese included."""


def print_table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Print a table, each column as wide as its widest cell."""
    from rich.cells import cell_len  # East Asian wide characters take two columns

    lines = [header, *rows]
    widths = [max(cell_len(line[i]) for line in lines) for i in range(len(header))]
    for line in lines:
        print(
            "  ".join(cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True)).rstrip()
        )
