//! In which order the targets of a request are tried.

use super::resolve::{Aim, Destination};
use crate::config::{Deployment, composite_name};
use crate::snapshot::Workspace;

/// Chooses the target of a deployment that is tried first. It alone knows what happened before; this crate keeps no
/// state.
pub trait Balancer {
    /// Its place in `tries`, which are in the deployment's own order.
    fn first(&mut self, workspace: &Workspace, deployment: &Deployment, tries: &Tries) -> usize;
}

/// Always the first: for those who only want to know.
#[derive(Debug)]
pub struct InOrder;

impl Balancer for InOrder {
    fn first(&mut self, _: &Workspace, _: &Deployment, _: &Tries) -> usize {
        0
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
                let start = balancer.first(workspace, &deployment, &tries);
                (0..start.min(tries.others.len())).fold(tries, |tries, _| tries.rotated())
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
