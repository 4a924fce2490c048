//! Which requests read a set of registers: as few as the device's limits allow.

use super::register::Table;

/// A place in a table that must be read whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// In which table.
    pub table: Table,
    /// The first address.
    pub start: u16,
    /// How many, at least one.
    pub count: u16,
}

/// What one request may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Registers in one request at most; sixteen times as many bits.
    pub registers: u16,
    /// Registers that nobody asked for, between two that are read in one request, at most; sixteen times as many bits.
    pub gap: u16,
}

impl Limits {
    fn of(self, table: Table) -> (u32, u32) {
        let each = if table.is_bits() { 16 } else { 1 };
        (u32::from(self.registers) * each, u32::from(self.gap) * each)
    }
}

/// One request, and which of the spans it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// In which table.
    pub table: Table,
    /// The first address.
    pub start: u16,
    /// How many.
    pub count: u16,
    /// Indices of the spans that lie in it.
    pub spans: Vec<usize>,
}

/// Joins spans into requests. Each span is in exactly one request, whole; a span longer than the limit has a request of its own.
/// In the order of table and address.
pub fn plan(spans: &[Span], limits: Limits) -> Vec<Request> {
    let mut order: Vec<usize> = (0..spans.len()).collect();
    order.sort_by_key(|at| spans.get(*at).map(|span| (span.table, span.start, span.count)));
    let mut requests: Vec<Request> = Vec::new();
    for at in order {
        let Some(span) = spans.get(at) else { continue };
        let (longest, gap) = limits.of(span.table);
        let (start, end) = (u32::from(span.start), u32::from(span.start) + u32::from(span.count));
        if let Some(open) = requests.last_mut().filter(|open| open.table == span.table) {
            let (first, last) = (u32::from(open.start), u32::from(open.start) + u32::from(open.count));
            let whole = end.max(last) - first;
            if start <= last + gap
                && whole <= longest
                && let Ok(count) = u16::try_from(whole)
            {
                open.count = count;
                open.spans.push(at);
                continue;
            }
        }
        requests.push(Request { table: span.table, start: span.start, count: span.count, spans: vec![at] });
    }
    requests
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn holding(start: u16, count: u16) -> Span {
        Span { table: Table::Holding, start, count }
    }

    #[test]
    fn neighbours_share_a_request_and_far_ones_do_not() {
        let spans = [holding(100, 2), holding(0, 1), holding(1, 1), holding(10, 1), holding(103, 1)];
        let limits = Limits { registers: 125, gap: 8 };
        let short: Vec<_> = plan(&spans, limits).iter().map(|r| (r.start, r.count, r.spans.clone())).collect();
        assert_eq!(short, [(0, 11, vec![1, 2, 3]), (100, 4, vec![0, 4])]);
        let exact = plan(&spans, Limits { registers: 125, gap: 0 });
        assert_eq!(exact.iter().map(|r| (r.start, r.count)).collect::<Vec<_>>(), [(0, 2), (10, 1), (100, 2), (103, 1)]);
    }

    proptest! {
        #[test]
        fn every_register_is_read_once_and_no_limit_is_passed(
            places in proptest::collection::btree_map(0_u16..2_000, (1_u16..5, 0_usize..4), 0..200),
            registers in 4_u16..=125, gap in 0_u16..20,
        ) {
            // Spans that do not overlap within a table.
            let mut ends = [0_u32; 4];
            let mut spans = Vec::new();
            for (start, (count, table)) in places {
                if u32::from(start) >= ends[table] {
                    ends[table] = u32::from(start + count);
                    spans.push(Span { table: Table::ALL[table].1, start, count });
                }
            }
            let requests = plan(&spans, Limits { registers, gap });
            let mut read = vec![0; spans.len()];
            for request in &requests {
                let each = if request.table.is_bits() { 16 } else { 1 };
                prop_assert!(request.count <= registers * each, "{request:?}");
                let mut end = request.start;
                for at in &request.spans {
                    let span = spans[*at];
                    read[*at] += 1;
                    prop_assert_eq!(span.table, request.table);
                    prop_assert!(span.start >= end && span.start - end <= gap * each, "{:?} after {}", span, end);
                    end = span.start + span.count;
                }
                prop_assert_eq!(end, request.start + request.count);
            }
            prop_assert!(read.iter().all(|times| *times == 1), "{read:?}");
            for pair in requests.windows(2) {
                prop_assert!(pair[0].table != pair[1].table || pair[0].start + pair[0].count <= pair[1].start);
            }
        }

        #[test]
        fn overlapping_registers_are_each_read_whole(
            places in proptest::collection::vec((any::<u16>(), 1_u16..=125), 0..100), gap in any::<u16>(),
        ) {
            let spans: Vec<_> = places.iter().map(|(start, count)| holding((*start).min(u16::MAX - count), *count)).collect();
            let requests = plan(&spans, Limits { registers: 125, gap });
            let mut read = vec![0; spans.len()];
            for request in requests {
                prop_assert!(request.count <= 125);
                for at in request.spans {
                    read[at] += 1;
                    let span = spans[at];
                    prop_assert!(request.start <= span.start);
                    let (end, last) = (span.start + span.count, u32::from(request.start) + u32::from(request.count));
                    prop_assert!(u32::from(end) <= last);
                }
            }
            prop_assert!(read.iter().all(|times| *times == 1));
        }
    }
}
