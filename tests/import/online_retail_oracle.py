# SPDX-License-Identifier: Apache-2.0
"""What Online Retail comes to, straight from the rules of its data page, and slow on purpose: exact
fractions, plain lists, every purchase looked at for every cancellation. Shares nothing with memberctl."""
import collections
import csv
import datetime
import fractions
import math
import zoneinfo

LONDON = zoneinfo.ZoneInfo("Europe/London")
COLUMNS = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]

Row = collections.namedtuple("Row", "invoice code description quantity_text at price_text customer")


class Purchase:
    """A line of an order."""

    def __init__(self, row, at, line_no):
        self.row, self.at, self.line_no = row, at, line_no
        self.price = fractions.Fraction(row.price_text)
        self.left = int(row.quantity_text)
        self.pence = half_up(self.price * 100 * self.left)
        self.pence_left = self.pence


def half_up(amount):
    return math.floor(amount + fractions.Fraction(1, 2))


def to_utc(text):
    naive = datetime.datetime.strptime(text, "%Y-%m-%d %H:%M:%S")
    return naive.replace(tzinfo=LONDON).astimezone(datetime.timezone.utc)


def sort_key(row):
    return tuple(text.encode() for text in (row.code, row.quantity_text, row.price_text, row.description))


def line_type(code):
    if code in ("POST", "DOT", "C2"):
        return "LINE_TYPE_SHIPPING"
    return "LINE_TYPE_FEE" if code in ("BANK CHARGES", "CRUK", "AMAZONFEE") else "LINE_TYPE_GOODS"


def category(code):
    return code[:2] if len(code) >= 2 and all(c in "0123456789" for c in code[:2]) else "misc"


def read(path):
    """The rows with a customer that are sales or cancellations, by (customer, invoice), and counts."""
    counts = collections.Counter()
    sales, cancellations = collections.defaultdict(list), collections.defaultdict(list)
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        assert next(reader) == COLUMNS
        for fields in reader:
            counts["lines"] += 1
            row = Row(*fields[:7])
            if row.customer == "":
                counts["no_customer"] += 1
            elif row.invoice.startswith("C"):
                assert int(row.quantity_text) < 0
                cancellations[row.customer, row.invoice].append(row)
            elif int(row.quantity_text) <= 0:
                counts["quantity_not_positive"] += 1
            else:
                assert fractions.Fraction(row.price_text) >= 0
                sales[row.customer, row.invoice].append(row)
    return sales, cancellations, counts


def make_orders(sales, counts):
    orders, stock = [], collections.defaultdict(list)
    for (customer, invoice), rows in sales.items():
        at = min(to_utc(row.at) for row in rows)
        lines = []
        for line_no, row in enumerate(sorted(rows, key=sort_key), 1):
            purchase = Purchase(row, at, line_no)
            stock[customer, row.code].append(purchase)
            lines.append((line_no, line_type(row.code), purchase.pence, category(row.code)))
            counts["order_lines"] += 1
        orders.append((invoice, customer, at, tuple(lines)))
    return orders, stock


def newest_first(purchase):
    return (purchase.at, purchase.row.invoice.encode(), purchase.line_no)


def make_reversals(cancellations, stock, counts):
    lines = []
    for (customer, invoice), rows in cancellations.items():
        at = min(to_utc(row.at) for row in rows)
        lines += [(at, invoice.encode(), sort_key(row), customer, row) for row in rows]
    taken = collections.defaultdict(int)
    for at, _, _, customer, row in sorted(lines):
        wanted = -int(row.quantity_text)
        found = 0
        for purchase in sorted(stock[customer, row.code], key=newest_first, reverse=True):
            if purchase.at >= at or purchase.left == 0 or found == wanted:
                continue
            units = min(wanted - found, purchase.left)
            pence = (purchase.pence_left if units == purchase.left
                     else min(purchase.pence_left, half_up(purchase.price * 100 * units)))
            purchase.left -= units
            purchase.pence_left -= pence
            found += units
            counts["pieces"] += 1
            if pence == 0:
                counts["pieces_of_nothing"] += 1
            else:
                taken[row.invoice, purchase.row.invoice, customer, at, purchase.line_no] += pence
        counts["units_matched"] += found
        counts["units_unmatched"] += wanted - found
        counts["matched" if found == wanted else "partly_matched" if found else "unmatched"] += 1
    reversals = collections.defaultdict(list)
    for (invoice, order, customer, at, line_no), pence in taken.items():
        reversals[f"{invoice}/{order}", order, customer, at].append((line_no, pence))
    return [key + (tuple(sorted(pieces)),) for key, pieces in reversals.items()]


def compute(path):
    """(orders, reversals, counts): an order is (id, customer, at, lines of (no, type, pence, category)),
    a reversal (id, order, customer, at, lines of (no, pence))."""
    sales, cancellations, counts = read(path)
    orders, stock = make_orders(sales, counts)
    reversals = make_reversals(cancellations, stock, counts)
    counts["members"] = len({customer for customer, _ in sales})
    return orders, reversals, counts
