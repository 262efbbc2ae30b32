//! An apalis `Backend` over a channel. Neighbours: `lanes`, `routes` and `sweep` fill one each
//! from our tables; apalis' workers drain it.
//!
//! The truth stays in the tables: what is in a channel is claimed there, and what is dropped with
//! it is taken over when its lease ends.

use apalis::prelude::{Task, TaskBuilder, WorkerContext};
use apalis_core::backend::{Backend, BackendConfig, finalize::Ephemeral};
use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};
use tokio::sync::mpsc;
use tower::layer::util::Identity;

/// Tasks as they come out of a channel. Clones share it, so that a restarted worker goes on.
pub struct Feed<T> {
    tasks: Arc<Mutex<mpsc::Receiver<T>>>,
}

impl<T> Feed<T> {
    pub fn new(tasks: mpsc::Receiver<T>) -> Self {
        Self {
            tasks: Arc::new(Mutex::new(tasks)),
        }
    }
}

impl<T> Clone for Feed<T> {
    fn clone(&self) -> Self {
        Self {
            tasks: Arc::clone(&self.tasks),
        }
    }
}

impl<T: Send + 'static> Backend for Feed<T> {
    type Task = Task<T>;
    type Error = Infallible;

    fn poll_ready(
        &mut self,
        _: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Option<Result<Task<T>, Infallible>>> {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let next = ready!(tasks.poll_recv(cx));
        Poll::Ready(next.map(|task| Ok(TaskBuilder::new(task).build())))
    }

    fn poll_close(
        &mut self,
        _: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Result<(), Infallible>> {
        // What is left in the channel is dropped with it: its Claim ends with its lease, or at once
        // when the next start finds that its holder is gone.
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.close();
        while tasks.try_recv().is_ok() {}
        Poll::Ready(Ok(()))
    }
}

impl<T> BackendConfig for Feed<T> {
    type Args = T;
    type Id = u64;
    type Kind = Ephemeral;
    type Config = ();
    type Layer = Identity;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Identity {
        Identity::new()
    }
}
