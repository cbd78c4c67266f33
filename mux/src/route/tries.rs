//! In which order the targets of a request are tried.

use super::resolve::{Aim, Destination};
use crate::config::{Deployment, composite_name, tries_max};
use crate::snapshot::Workspace;

/// Chooses which targets of a deployment are tried, and in which order. It alone knows what happened before; this crate
/// keeps no state.
pub trait Balancer {
    /// Places in `tries`, which are in the deployment's own order: it may begin anywhere, goes round from there, and may
    /// leave some out.
    fn order(&mut self, workspace: &Workspace, deployment: &Deployment, tries: &Tries) -> Vec<usize>;
}

/// All of them as they stand: for those who only want to know.
#[derive(Debug)]
pub struct InOrder;

impl Balancer for InOrder {
    fn order(&mut self, _: &Workspace, _: &Deployment, tries: &Tries) -> Vec<usize> {
        (0..tries.count()).collect()
    }
}

/// The targets of one request in the order in which they are tried.
#[derive(Clone, Debug)]
pub struct Tries {
    pub first: Aim,
    pub others: Vec<Aim>,
}

impl Tries {
    /// In the order that the balancer wants.
    pub fn of(destination: Destination, workspace: &Workspace, balancer: &mut dyn Balancer) -> Self {
        match destination {
            Destination::Model(first) => Self { first, others: Vec::new() },
            Destination::Deployment(deployment, tries) => {
                let mut order = balancer.order(workspace, &deployment, &tries);
                order.truncate(tries_max(order.len(), tries.count()));
                let mut chosen = order.into_iter().filter_map(|index| tries.get(index).cloned());
                match chosen.next() {
                    Some(first) => Self { first, others: chosen.collect() },
                    None => tries,
                }
            }
        }
    }

    /// One further on: what was first becomes the last.
    #[must_use]
    pub fn rotated(self) -> Self {
        let Self { mut first, mut others } = self;
        if let Some(next) = others.first_mut() {
            std::mem::swap(next, &mut first);
        }
        let step = others.len().min(1);
        others.rotate_left(step);
        Self { first, others }
    }

    /// How many they are: at least one.
    pub fn count(&self) -> usize {
        1 + self.others.len()
    }

    /// By the number of the try, from 0.
    pub fn get(&self, index: usize) -> Option<&Aim> {
        index.checked_sub(1).map_or(Some(&self.first), |index| self.others.get(index))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Aim> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The Envoy cluster that tries them in this order.
    pub fn cluster(&self) -> String {
        if self.others.is_empty() {
            return self.first.provider.cluster.to_string();
        }
        composite_name(self.iter().map(|aim| &*aim.provider.cluster))
    }
}
