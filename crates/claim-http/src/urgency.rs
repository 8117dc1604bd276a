//! What goes first when there is more to do than can be done.

/// How urgent a request is; the least urgent are refused first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// What can wait.
    Other,
    /// Content that may follow when the deadline is over.
    Content,
    /// The first step towards what must be done before a deadline: whoever is refused here has lost a wait only.
    Beginning,
    /// What must be done before a deadline, and the steps to it for which much has been done already.
    Deadline,
}

impl Urgency {
    /// All, from the least urgent on.
    pub const ALL: [Self; 4] = [Self::Other, Self::Content, Self::Beginning, Self::Deadline];

    /// The value of the label `urgency`.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::Content => "content",
            Self::Beginning => "beginning",
            Self::Deadline => "deadline",
        }
    }

    /// How many of so many places such requests may fill; the rest is kept for more urgent ones.
    pub(crate) fn share_of(self, places: usize) -> usize {
        let eighths: usize = match self {
            Self::Other => 4,
            Self::Content => 6,
            Self::Beginning => 7,
            Self::Deadline => 8,
        };
        places.saturating_mul(eighths).div_ceil(8)
    }

    /// Which part of such requests is refused at this strain, from 0 to 1: each unit of strain refuses one kind more.
    pub(crate) fn refused_at(self, strain: f64) -> f64 {
        /// Some are let in whatever happens, or nobody would see that things got better.
        const MOST: f64 = 0.95;
        let (begins, most) = match self {
            Self::Other => (0.0, 1.0),
            Self::Content => (1.0, 1.0),
            Self::Beginning => (2.0, MOST),
            Self::Deadline => (3.0, MOST),
        };
        (strain - begins).clamp(0.0, most)
    }

    /// Seconds, from and to, after which whoever was refused is to come back: at random, so that not all come at once.
    pub(crate) fn comes_back(self) -> (u64, u64) {
        match self {
            Self::Other | Self::Content => (5, 15),
            Self::Beginning => (2, 6),
            Self::Deadline => (1, 3),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_urgent_have_more_places_and_are_refused_later() {
        for places in [1, 2, 8, 512] {
            let shares = Urgency::ALL.map(|urgency| urgency.share_of(places));
            assert!(shares.is_sorted() && shares[0] >= 1, "{shares:?}");
            assert_eq!(shares[3], places);
        }
        assert_eq!(Urgency::ALL.map(|urgency| urgency.share_of(8)), [4, 6, 7, 8]);
        for (strain, refused) in [
            (-0.5, [0.0; 4]),
            (0.5, [0.5, 0.0, 0.0, 0.0]),
            (1.5, [1.0, 0.5, 0.0, 0.0]),
            (2.5, [1.0, 1.0, 0.5, 0.0]),
            (4.0, [1.0, 1.0, 0.95, 0.95]),
        ] {
            assert_eq!(Urgency::ALL.map(|urgency| urgency.refused_at(strain)), refused, "{strain}");
        }
    }
}
