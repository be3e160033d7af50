"""Amounts as a person reads them."""

from config.amounts import clock, dollars, duration, plural, short_count, size, times


def test_amounts_read_as_a_person_says_them() -> None:
    assert [dollars(usd) for usd in (0, 0.0042, 0.01, 12.345)] == ["$0.00", "$0.0042", "$0.01", "$12.35"]
    assert [short_count(count) for count in (999, 1500, 41_000, 1_200_000)] == ["999", "1.5k", "41k", "1.2M"]
    assert [plural(1, "test"), plural(2_000, "test"), plural(0, "branch")] == ["1 test", "2,000 tests", "0 branches"]
    assert [times(count) for count in (1, 2, 3, 1_000)] == ["once", "twice", "3 times", "1,000 times"]
    assert [size(count) for count in (999, 1_500, 2_000_000, 5 * 10**12)] == [
        "999 bytes",
        "1.5 KB",
        "2.0 MB",
        "5000.0 GB",
    ]
    assert [duration(s) for s in (0.02, 1.54, 12.4, 151, 3751)] == ["0.02s", "1.5s", "12s", "02:31", "1:02:31"]
    assert clock(-1) == "00:00"
