//! The workers of a sweep, several at a time.

use std::collections::VecDeque;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::{BUSY, INTERRUPTED, LOG, State, Sweep};
use crate::run::{Run, last_line};
use crate::{Interrupt, Progress};

/// How often workers are looked after, and how often their progress is.
const BETWEEN_ROUNDS: Duration = Duration::from_millis(50);
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// Whoever watches a sweep.
pub trait Watch: Progress {
    /// How the whole stands, about once a second.
    fn standing(&mut self, at: &Standing);

    /// The worker of an entry has ended; `entry` is what [`Sweep::numbered`] gives.
    fn ended(&mut self, entry: &str, end: &End, at: &Standing);
}

/// How a worker ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// Its entry has results.
    Done,
    /// It failed, with the last line of its log.
    Failed(String),
    /// It was interrupted, with the state of its training saved.
    Interrupted,
}

/// How a sweep stands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Standing {
    /// Entries in all.
    pub entries: usize,
    /// Entries that have results, or failed.
    pub ended: usize,
    /// Entries that failed.
    pub failed: usize,
    /// Entries that run now.
    pub running: usize,
    /// The part of the sweep that is done, from 0 to 1, with what those that run have done.
    pub part: f64,
    /// Seconds that it will still take at the rate so far, once there is one.
    pub seconds_left: Option<f64>,
}

/// An entry that failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// Its index.
    pub index: usize,
    /// The last line of its log.
    pub reason: String,
}

/// How a sweep ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// Entries that were run to their end.
    pub ran: usize,
    /// Entries that had results, or got them from another process.
    pub skipped: usize,
    /// Entries that failed, in the order of their indices.
    pub failed: Vec<Failure>,
    /// Entries that are left because it was asked to stop.
    pub left: usize,
}

/// Runs every entry that has no results, `jobs` at a time, each by a worker that `command` describes for its index.
///
/// A worker ends with status 0 once its entry has results, [`BUSY`] where another process runs it, [`INTERRUPTED`]
/// with its state saved, and any other where it failed. The end of its stdin is the request to stop: unlike a signal
/// it comes once, to however many of the sweep's processes the signal was sent, and even if the sweep was killed.
pub fn run(
    sweep: &Sweep,
    jobs: usize,
    command: &dyn Fn(usize) -> Command,
    stop: &Interrupt,
    watch: &mut dyn Watch,
) -> Tally {
    stop.listen(true);
    let mut course = Course::new(sweep);
    let mut looked = Instant::now();
    let mut idle_looks = 0;
    loop {
        let stopping = stop.is_requested();
        if stopping {
            for worker in &mut course.running {
                drop(worker.process.stdin.take());
            }
        }
        course.gather(watch);
        while !stopping
            && course.running.len() < jobs
            && let Some(index) = course.queue.pop_front()
        {
            match sweep.state(index) {
                State::Finished => course.skipped += 1,
                State::Busy => course.elsewhere.push(index),
                State::Free => course.start(index, command(index), watch),
            }
        }
        let idle = course.running.is_empty();
        if idle && (stopping || course.queue.is_empty() && course.elsewhere.is_empty()) {
            break;
        }
        if looked.elapsed() >= BETWEEN_LOOKS {
            looked = Instant::now();
            course.look();
            watch.standing(&course.standing());
            idle_looks += u32::from(idle);
            // Not at the first one: many of those that were passed over may have ended since.
            if idle && idle_looks == 2 {
                watch.note(&format!(
                    "waiting for other processes, which have {} of the runs",
                    course.elsewhere.len()
                ));
            }
            if course.queue.is_empty() {
                course.queue.extend(course.elsewhere.drain(..));
            }
        }
        std::thread::sleep(BETWEEN_ROUNDS);
    }
    let asked = stop.is_requested();
    stop.listen(false);
    course.tally(asked)
}

/// Where the entries of a sweep are while it runs.
struct Course<'a> {
    sweep: &'a Sweep,
    begin: Instant,
    /// Entries to be run.
    queue: VecDeque<usize>,
    /// Entries that another process has.
    elsewhere: Vec<usize>,
    running: Vec<Worker>,
    skipped: usize,
    done: usize,
    failed: Vec<Failure>,
    interrupted: Vec<usize>,
}

/// A worker at its entry.
struct Worker {
    index: usize,
    process: Child,
    /// The part of the training that was done when it began, and that is done now.
    before: f64,
    part: f64,
}

impl<'a> Course<'a> {
    fn new(sweep: &'a Sweep) -> Self {
        let entries = sweep.entries().len();
        // All at once, so that the time that is left is estimated from what is to be done.
        let queue: VecDeque<usize> =
            (0..entries).filter(|&index| sweep.state(index) != State::Finished).collect();
        Course {
            sweep,
            begin: Instant::now(),
            elsewhere: Vec::new(),
            running: Vec::new(),
            skipped: entries - queue.len(),
            queue,
            done: 0,
            failed: Vec::new(),
            interrupted: Vec::new(),
        }
    }

    fn start(&mut self, index: usize, mut command: Command, watch: &mut dyn Watch) {
        let folder = self.sweep.folder(index);
        let started = std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::File::options().create(true).append(true).open(folder.join(LOG)))
            .and_then(|log| command.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log).spawn());
        let part = self.part(index);
        match started {
            Ok(process) => self.running.push(Worker { index, process, before: part, part }),
            Err(error) => {
                self.fail(index, format!("no worker can be started in {}: {error}", folder.display()), watch)
            }
        }
    }

    /// Takes leave of the workers that have ended.
    fn gather(&mut self, watch: &mut dyn Watch) {
        let mut at = 0;
        while at < self.running.len() {
            let Ok(None) = self.running[at].process.try_wait() else {
                let mut worker = self.running.swap_remove(at);
                self.leave(worker.index, worker.process.wait(), watch);
                continue;
            };
            at += 1;
        }
    }

    fn leave(&mut self, index: usize, status: std::io::Result<ExitStatus>, watch: &mut dyn Watch) {
        match status.as_ref().ok().and_then(ExitStatus::code).map(u8::try_from) {
            Some(Ok(0)) => {
                self.done += 1;
                self.tell(index, &End::Done, watch);
            }
            Some(Ok(BUSY)) => self.elsewhere.push(index),
            Some(Ok(INTERRUPTED)) => {
                self.interrupted.push(index);
                self.tell(index, &End::Interrupted, watch);
            }
            code => {
                let said = last_line(&self.sweep.folder(index).join(LOG)).unwrap_or_default();
                let ended = match (code, status) {
                    (Some(_), _) if !said.is_empty() => String::new(),
                    (_, Ok(status)) => format!("its worker ended with {status}; "),
                    (_, Err(error)) => format!("its worker is lost: {error}; "),
                };
                let reason = ended + said.strip_prefix("error: ").unwrap_or(&said);
                self.fail(index, reason.trim_end_matches("; ").to_owned(), watch);
            }
        }
    }

    fn fail(&mut self, index: usize, reason: String, watch: &mut dyn Watch) {
        self.failed.push(Failure { index, reason: reason.clone() });
        self.tell(index, &End::Failed(reason), watch);
    }

    fn tell(&self, index: usize, end: &End, watch: &mut dyn Watch) {
        watch.ended(&self.sweep.numbered(index), end, &self.standing());
    }

    /// Sees how far each worker has come.
    fn look(&mut self) {
        let parts: Vec<f64> = self.running.iter().map(|worker| self.part(worker.index)).collect();
        for (worker, part) in self.running.iter_mut().zip(parts) {
            worker.part = part.max(worker.part);
        }
    }

    /// The part of an entry's training that its log of metrics shows to be done.
    fn part(&self, index: usize) -> f64 {
        let run = Run::all(&self.sweep.folder(index), self.sweep.experiment()).pop();
        let part =
            run.and_then(|run| Some(run.last_step()? as f64 / run.experiment().ok()?.train.steps as f64));
        part.unwrap_or(0.0).min(1.0)
    }

    fn standing(&self) -> Standing {
        let entries = self.sweep.entries().len();
        let ran = self.done + self.failed.len();
        let parts: f64 = self.running.iter().map(|worker| worker.part).sum();
        // By this sweep, and since it began: what was there before says nothing of its speed.
        let worked = ran as f64 + self.running.iter().map(|worker| worker.part - worker.before).sum::<f64>();
        let left = (entries - self.skipped - ran) as f64 - parts;
        Standing {
            entries,
            ended: self.skipped + ran,
            failed: self.failed.len(),
            running: self.running.len(),
            part: ((self.skipped + ran) as f64 + parts) / entries as f64,
            seconds_left: (worked > 0.0 && left > 0.0)
                .then(|| self.begin.elapsed().as_secs_f64() * left / worked),
        }
    }

    fn tally(mut self, asked: bool) -> Tally {
        if !asked {
            // Somebody stopped the worker and not the sweep.
            let stopped = std::mem::take(&mut self.interrupted).into_iter();
            self.failed
                .extend(stopped.map(|index| Failure { index, reason: "its worker was interrupted".into() }));
        }
        self.failed.sort_by_key(|failure| failure.index);
        let left = self.sweep.entries().len() - self.done - self.skipped - self.failed.len();
        Tally { ran: self.done, skipped: self.skipped, failed: self.failed, left }
    }
}
