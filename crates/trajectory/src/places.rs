//! Positions in several lists whose elements are numbered through.

/// Several lists, one after the other, whose elements are numbered through: finds the list, and the place in it, of an
/// element.
#[derive(Clone, Debug, PartialEq)]
pub struct Places {
    /// For each list, the number of elements in it and in all lists before it.
    ends: Vec<usize>,
    /// The length of every list if all are equally long, as in simulations. A division then replaces a search.
    each: Option<usize>,
}

impl Places {
    /// Places in lists of these lengths.
    pub fn new(lengths: impl Iterator<Item = usize> + Clone) -> Self {
        let mut all = lengths.clone();
        let first = all.next();
        let each = first.filter(|first| *first > 0 && all.all(|length| length == *first));
        let ends = lengths.scan(0, |end, length| {
            *end += length;
            Some(*end)
        });
        Places { ends: ends.collect(), each }
    }

    /// Number of elements in all lists.
    pub fn count(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Number of elements in the lists before this one.
    pub fn before(&self, list: usize) -> usize {
        if list == 0 { 0 } else { self.ends[list - 1] }
    }

    /// Number of elements of this list.
    pub fn length(&self, list: usize) -> usize {
        self.ends[list] - self.before(list)
    }

    /// Number of lists.
    pub fn lists(&self) -> usize {
        self.ends.len()
    }

    /// The list and the place in it of element `number`, which is below [`Places::count`].
    pub fn at(&self, number: usize) -> (usize, usize) {
        match self.each {
            Some(each) => (number / each, number % each),
            None => {
                let list = self.ends.partition_point(|&end| end <= number);
                (list, number - self.before(list))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_element_is_found_where_it_is(lengths in prop::collection::vec(0usize..5, 0..9), same in 0usize..5) {
            let equal = vec![same; lengths.len()];
            for lengths in [lengths, equal] {
                let places = Places::new(lengths.iter().copied());
                let each = lengths.iter().enumerate().flat_map(|(list, &n)| (0..n).map(move |i| (list, i)));
                let expected: Vec<(usize, usize)> = each.collect();
                prop_assert_eq!((places.count(), places.lists()), (expected.len(), lengths.len()));
                let found: Vec<(usize, usize)> = (0..places.count()).map(|number| places.at(number)).collect();
                prop_assert_eq!(found, expected);
                prop_assert!((0..lengths.len()).all(|list| places.length(list) == lengths[list]));
            }
        }
    }
}
