//! Nearest neighbours among points, by a k-d tree (Friedman, Bentley and Finkel 1977).

/// Points of a leaf.
const LEAF: usize = 12;

/// Points of `dim` numbers each, and their places in time.
pub(super) struct Points {
    pub(super) dim: usize,
    /// `[point, component]`.
    pub(super) values: Vec<f64>,
    /// Where each point is in time; neighbours must be apart.
    pub(super) times: Vec<usize>,
}

impl Points {
    pub(super) fn count(&self) -> usize {
        self.times.len()
    }

    pub(super) fn get(&self, point: usize) -> &[f64] {
        &self.values[point * self.dim..(point + 1) * self.dim]
    }

    fn squared_distance(&self, a: usize, b: &[f64]) -> f64 {
        self.get(a).iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
    }
}

/// A tree over points: each node halves its points along the component in which they spread most.
pub(super) struct Tree<'a> {
    points: &'a Points,
    /// The points, those of a node together.
    order: Vec<u32>,
    nodes: Vec<Node>,
}

enum Node {
    Leaf { begin: usize, end: usize },
    Fork { component: usize, border: f64, below: usize, above: usize },
}

impl<'a> Tree<'a> {
    pub(super) fn new(points: &'a Points) -> Self {
        let mut tree = Tree { points, order: (0..points.count() as u32).collect(), nodes: Vec::new() };
        let all = points.count();
        tree.build(0, all);
        tree
    }

    /// Builds the node of some places in the order, and returns its number.
    fn build(&mut self, begin: usize, end: usize) -> usize {
        let number = self.nodes.len();
        self.nodes.push(Node::Leaf { begin, end });
        if end - begin <= LEAF {
            return number;
        }
        let points = self.points;
        let value = |point: u32, component: usize| points.values[point as usize * points.dim + component];
        let spread = |component: usize| {
            let values = self.order[begin..end].iter().map(|&point| value(point, component));
            let [low, high] =
                values.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], x| [low.min(x), high.max(x)]);
            high - low
        };
        let widest = (0..points.dim).max_by(|&a, &b| spread(a).total_cmp(&spread(b)));
        let component = widest.filter(|&component| spread(component) > 0.0);
        // Points that are all equal stay together.
        let Some(component) = component else { return number };
        let middle = (end - begin) / 2;
        let order = |a: &u32, b: &u32| value(*a, component).total_cmp(&value(*b, component));
        self.order[begin..end].select_nth_unstable_by(middle, order);
        let border = value(self.order[begin + middle], component);
        let below = self.build(begin, begin + middle);
        let above = self.build(begin + middle, end);
        self.nodes[number] = Node::Fork { component, border, below, above };
        number
    }

    /// The point nearest to a point among those whose times differ by more than `separation`, and their distance; of
    /// several at the same distance the one with the smallest number. `None` if there is no such point, or all are at
    /// distance 0.
    pub(super) fn nearest(&self, point: usize, separation: usize) -> Option<(usize, f64)> {
        let mut best = (f64::INFINITY, usize::MAX);
        self.search(0, point, separation, &mut best);
        (best.1 != usize::MAX).then(|| (best.1, best.0.sqrt()))
    }

    fn search(&self, node: usize, point: usize, separation: usize, best: &mut (f64, usize)) {
        let points = self.points;
        match self.nodes[node] {
            Node::Leaf { begin, end } => {
                for &other in &self.order[begin..end] {
                    let other = other as usize;
                    let near = points.times[other].abs_diff(points.times[point]) <= separation;
                    let distance = points.squared_distance(other, points.get(point));
                    if !near && distance > 0.0 && (distance, other) < *best {
                        *best = (distance, other);
                    }
                }
            }
            Node::Fork { component, border, below, above } => {
                let beyond = points.get(point)[component] - border;
                let [first, second] = if beyond < 0.0 { [below, above] } else { [above, below] };
                self.search(first, point, separation, best);
                // Equal distances must be seen, so that the smallest number wins.
                if beyond * beyond <= best.0 {
                    self.search(second, point, separation, best);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trajectory::random::{normal, stream};

    #[test]
    fn the_tree_finds_what_a_search_through_all_points_finds() {
        for (dim, count, separation) in [(1, 300, 5), (2, 700, 0), (3, 900, 40), (6, 500, 10)] {
            let mut random = stream(0, "points", dim as u64);
            // Some points are equal, and many distances are.
            let values = (0..dim * count).map(|_| (4.0 * normal(&mut random)).round() / 4.0).collect();
            let points = Points { dim, values, times: (0..count).map(|i| i + 7 * (i / 100)).collect() };
            let tree = Tree::new(&points);
            for point in (0..count).step_by(3) {
                let apart = |other: &usize| points.times[*other].abs_diff(points.times[point]) > separation;
                let distances = (0..count)
                    .filter(apart)
                    .map(|other| (points.squared_distance(other, points.get(point)), other));
                let all = distances.filter(|(distance, _)| *distance > 0.0);
                let right = all.min_by(|a, b| a.partial_cmp(b).unwrap());
                let right = right.map(|(distance, other)| (other, distance.sqrt()));
                assert_eq!(tree.nearest(point, separation), right, "{dim} {point}");
            }
        }
    }

    #[test]
    fn without_a_neighbour_there_is_none() {
        let points = Points { dim: 1, values: vec![1.0; 50], times: (0..50).collect() };
        assert_eq!(Tree::new(&points).nearest(7, 3), None);
        let points = Points { dim: 1, values: (0..50).map(f64::from).collect(), times: (0..50).collect() };
        assert_eq!(Tree::new(&points).nearest(7, 60), None);
        assert_eq!(Tree::new(&points).nearest(7, 3), Some((3, 4.0)));
    }
}
