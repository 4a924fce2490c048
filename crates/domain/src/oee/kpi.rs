use super::Elements;

/// An effectiveness above this is more than readings at the borders of a period explain.
const SUSPECT_EFFECTIVENESS: f64 = 1.05;

/// Figures: ISO 22400-2 clause 8, each of known time. Ratios with 1.0 = 100 %, none of them capped; times in
/// microseconds. `None` is "no value": the denominator is zero, or the ideal cycle (PRI) is not known.
impl Elements {
    /// POT, planned operation time: inside shifts.
    pub fn pot(&self) -> i64 {
        self.calendar - self.not_scheduled
    }

    /// Planned downtime: breaks and planned stops.
    pub fn planned_downtime(&self) -> i64 {
        self.breaks + self.planned_stops
    }

    /// PBT, planned busy time: POT less planned downtime.
    pub fn pbt(&self) -> i64 {
        self.pot() - self.planned_downtime()
    }

    /// PBT of which it is known what the unit did: the denominator of the figures.
    pub fn known_pbt(&self) -> i64 {
        self.pbt() - self.unknown
    }

    /// AUPT, actual unit processing time: APT + AUST.
    pub fn aupt(&self) -> i64 {
        self.apt + self.aust
    }

    /// AUBT, actual unit busy time: APT + AUST + ADET.
    pub fn aubt(&self) -> i64 {
        self.aupt() + self.adet
    }

    /// Known share of planned busy time: how far the other figures can be trusted.
    pub fn coverage(&self) -> Option<f64> {
        ratio(self.known_pbt() as f64, self.pbt() as f64)
    }

    /// Whether its pieces are weighted by an ideal cycle (PRI), or there are none. Before elements of several units are
    /// added for a common OEE, those that are not rated are to be left out and named: their time
    /// would stand in the denominator, and their pieces in no numerator.
    pub fn is_rated(&self) -> bool {
        self.pq == 0.0 || self.pri_pq != 0.0
    }

    /// Availability = APT / PBT.
    pub fn availability(&self) -> Option<f64> {
        ratio(self.apt as f64, self.known_pbt() as f64)
    }

    /// Effectiveness (performance) = sum(PRI x PQ) / APT. May exceed 1, see [`ideal_cycle_suspect`](Self::ideal_cycle_suspect).
    pub fn effectiveness(&self) -> Option<f64> {
        ratio(self.pri_pq, self.apt as f64).filter(|_| self.is_rated())
    }

    /// Quality ratio = sum(PRI x GQ) / sum(PRI x PQ); GQ / PQ where pieces are not rated.
    pub fn quality_ratio(&self) -> Option<f64> {
        if self.pri_pq == 0.0 { ratio(self.gq, self.pq) } else { ratio(self.pri_gq, self.pri_pq) }
    }

    /// OEE index = availability x effectiveness x quality ratio = sum(PRI x GQ) / PBT. Of a unit that has made nothing
    /// in its planned busy time 0, whatever its ideal cycle.
    pub fn oee(&self) -> Option<f64> {
        ratio(self.pri_gq, self.known_pbt() as f64).filter(|_| self.is_rated())
    }

    /// NEE index, net equipment effectiveness = AUPT / PBT x effectiveness x quality ratio: set-up forgiven.
    pub fn nee(&self) -> Option<f64> {
        let effective = ratio(self.pri_gq, self.apt as f64).filter(|_| self.is_rated())?;
        Some(ratio(self.aupt() as f64, self.known_pbt() as f64)? * effective)
    }

    /// TEEP, total effective equipment performance = OEE x PBT / calendar time.
    pub fn teep(&self) -> Option<f64> {
        Some(self.oee()? * ratio(self.pbt() as f64, self.calendar as f64)?)
    }

    /// Utilization efficiency = APT / AUBT.
    pub fn utilization_efficiency(&self) -> Option<f64> {
        ratio(self.apt as f64, self.aubt() as f64)
    }

    /// Allocation efficiency = AUBT / PBT.
    pub fn allocation_efficiency(&self) -> Option<f64> {
        ratio(self.aubt() as f64, self.known_pbt() as f64)
    }

    /// Technical efficiency = APT / (APT + ADET).
    pub fn technical_efficiency(&self) -> Option<f64> {
        ratio(self.apt as f64, (self.apt + self.adet) as f64)
    }

    /// Set-up ratio = AUST / AUPT.
    pub fn setup_ratio(&self) -> Option<f64> {
        ratio(self.aust as f64, self.aupt() as f64)
    }

    /// Scrap ratio = SQ / PQ.
    pub fn scrap_ratio(&self) -> Option<f64> {
        ratio(self.sq, self.pq)
    }

    /// Rework ratio = RQ / PQ.
    pub fn rework_ratio(&self) -> Option<f64> {
        ratio(self.rq, self.pq)
    }

    /// First pass yield = good / inspected; every piece counts as inspected.
    pub fn first_pass_yield(&self) -> Option<f64> {
        ratio(self.gq, self.pq)
    }

    /// AOET, actual order execution time: time with an order, APT + AUST + ADET.
    pub fn aoet(&self) -> i64 {
        self.aubt()
    }

    /// Throughput rate = PQ / AOET, pieces per hour.
    pub fn throughput_rate(&self) -> Option<f64> {
        ratio(self.pq * 3.6e9, self.aoet() as f64)
    }

    /// Whether more was made in the producing time than the ideal cycle allows: effectiveness above 105 % even without
    /// one piece, which may have been made before the period and read in it. Then the ideal cycle is too long (or the
    /// unit produces in times its plan calls breaks, or a state is reported wrongly), and the figure means nothing.
    pub fn ideal_cycle_suspect(&self) -> bool {
        let one_piece = ratio(self.pri_pq, self.pq).unwrap_or(0.0);
        self.apt > 0 && self.pri_pq - one_piece > SUSPECT_EFFECTIVENESS * self.apt as f64
    }
}

pub(super) fn ratio(numerator: f64, denominator: f64) -> Option<f64> {
    (denominator > 0.0).then(|| numerator / denominator)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;

    /// The worked example found in textbooks: shift 480 min, breaks 60, downtime 47, ideal cycle 1.0 s, 19,271 pieces,
    /// 423 of them rejected.
    fn textbook() -> Elements {
        Elements {
            calendar: 480 * MINUTE,
            breaks: 60 * MINUTE,
            apt: 373 * MINUTE,
            adet: 47 * MINUTE,
            pq: 19_271.0,
            gq: 18_848.0,
            sq: 423.0,
            pri_pq: 19_271.0 * 1e6,
            pri_gq: 18_848.0 * 1e6,
            ..Elements::default()
        }
    }

    fn percent(figure: Option<f64>) -> String {
        figure.map_or("-".into(), |ratio| format!("{:.2}", ratio * 100.0))
    }

    #[test]
    fn the_textbook_example() {
        let it = textbook();
        assert_eq!(it.pbt(), 420 * MINUTE);
        assert_eq!(percent(it.availability()), "88.81");
        assert_eq!(percent(it.effectiveness()), "86.11");
        assert_eq!(percent(it.quality_ratio()), "97.80");
        assert_eq!(percent(it.oee()), "74.79");
        assert_eq!(percent(it.nee()), "74.79");
        assert_eq!(percent(it.teep()), "65.44");
        assert_eq!(percent(it.coverage()), "100.00");
        assert_eq!(percent(it.scrap_ratio()), "2.20");
        assert_eq!(percent(it.technical_efficiency()), "88.81");
        assert_eq!(percent(it.allocation_efficiency()), "100.00");
        assert!(!it.ideal_cycle_suspect());
    }

    #[test]
    fn setup_lowers_availability_and_is_forgiven_by_nee() {
        let it = Elements { apt: 343 * MINUTE, aust: 30 * MINUTE, ..textbook() };
        assert_eq!(percent(it.availability()), "81.67");
        assert_eq!(percent(it.setup_ratio()), "8.04");
        assert_eq!(percent(it.utilization_efficiency()), "81.67");
        assert!(it.nee() > it.oee());
    }

    #[test]
    fn unknown_time_is_in_no_denominator() {
        let it = Elements { calendar: 580 * MINUTE, unknown: 100 * MINUTE, ..textbook() };
        assert_eq!(percent(it.oee()), "74.79");
        assert_eq!(percent(it.coverage()), "80.77");
    }

    #[test]
    fn no_value_where_there_is_none() {
        let nothing = Elements::default();
        let figures = [
            nothing.oee(),
            nothing.availability(),
            nothing.effectiveness(),
            nothing.quality_ratio(),
            nothing.nee(),
            nothing.teep(),
            nothing.coverage(),
            nothing.utilization_efficiency(),
            nothing.allocation_efficiency(),
            nothing.technical_efficiency(),
            nothing.setup_ratio(),
            nothing.scrap_ratio(),
        ];
        assert_eq!(figures, [None; 12]);
        let all_unknown = Elements { calendar: MINUTE, unknown: MINUTE, ..nothing };
        assert_eq!((all_unknown.oee(), all_unknown.coverage()), (None, Some(0.0)));
        let standing = Elements { calendar: MINUTE, adet: MINUTE, ..nothing };
        assert_eq!((standing.oee(), standing.availability(), standing.effectiveness()), (Some(0.0), Some(0.0), None));
    }

    #[test]
    fn without_an_ideal_cycle_quality_and_availability_remain() {
        let it = Elements { pri_pq: 0.0, pri_gq: 0.0, ..textbook() };
        assert_eq!((it.oee(), it.effectiveness(), it.nee(), it.teep()), (None, None, None, None));
        assert_eq!(percent(it.availability()), "88.81");
        assert_eq!(percent(it.quality_ratio()), "97.80");
        assert!(!it.is_rated() && textbook().is_rated() && Elements::default().is_rated());
    }

    #[test]
    fn above_100_percent_is_shown_and_suspected() {
        let it = Elements { pri_pq: 1.06 * 373.0 * 6e7, ..textbook() };
        assert_eq!(percent(it.effectiveness()), "106.00");
        assert!(it.ideal_cycle_suspect());
        let one_piece_over_the_border =
            Elements { apt: 5 * MINUTE, pq: 6.0, gq: 6.0, pri_pq: 6.0 * 6e7, pri_gq: 6.0 * 6e7, ..Elements::default() };
        assert_eq!(percent(one_piece_over_the_border.effectiveness()), "120.00");
        assert!(!one_piece_over_the_border.ideal_cycle_suspect());
    }
}
