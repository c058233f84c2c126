//! `train.loop`: our training loop or burn-train, Burn's own, and which experiments the latter cannot train.

use models::burn_train::TrainByBurn;

use crate::Experiment;
use crate::train_loop::Loop;

impl Experiment {
    /// Whether burn-train trains it, instead of the loop of this project.
    pub fn is_trained_by_burn(&self) -> bool {
        self.train.training_loop == Loop::BurnTrain
    }

    /// Checks that this program contains the training loop that the experiment asks for. Only training needs it: any
    /// program can show, score and compare a run that burn-train trained.
    ///
    /// # Errors
    /// The experiment asks for burn-train, but this program was built without it.
    pub fn check_loop(&self) -> Result<(), String> {
        self.burn_train().map(|_| ())
    }

    /// The function that trains the experiment by burn-train; `None` if the loop of this project trains it.
    ///
    /// # Errors
    /// As [`Experiment::check_loop`].
    pub(crate) fn burn_train(&self) -> Result<Option<TrainByBurn>, String> {
        let models::Training::Steps { burn_train, .. } = self.network()?.0.training else { return Ok(None) };
        if !self.is_trained_by_burn() {
            return Ok(None);
        }
        burn_train.map(Some).ok_or_else(|| {
            "train.loop = \"burn-train\" needs a program built with it: build one with `cargo build --release --features \
             burn-train`, or leave train.loop out"
                .into()
        })
    }

    /// Checks the settings of an experiment that burn-train is to train, except for those of the network; the error names
    /// the key that burn-train does not support.
    pub(crate) fn check_burn_train(&self) -> Result<(), String> {
        self.refuse_idle(
            &["seconds", "checkpoint_every"],
            true,
            "train.loop = \"burn-train\"",
            "which ends after train.steps or by train.patience and saves a checkpoint at each validation",
        )?;
        self.refuse_idle(
            &["select", "refit"],
            true,
            "train.loop = \"burn-train\"",
            "which chooses by the validation loss and trains once",
        )?;
        let (held, all) = (self.data.held(), self.data.trajectories);
        if held < all {
            return Err(format!(
                "data.at_once = {held} of {all} trajectories is not supported by train.loop = \"burn-train\", which \
                 needs all trajectories in memory; set data.at_once = {all}, or leave train.loop out"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolve::{parse, resolve, set, to_toml, what_is_trained};

    fn with(overrides: &[&str]) -> Result<Experiment, String> {
        let text =
            "system = { name = \"oscillator\" }\nmodel = { name = \"ffnn\" }\nevaluate = { transient = 1.0 }";
        let mut table = parse(text)?;
        set(&mut table, &overrides.iter().map(|&pair| pair.to_owned()).collect::<Vec<_>>())?;
        resolve(&table)
    }

    #[test]
    fn a_file_without_the_key_stays_as_it_was_and_means_our_own_loop() {
        let plain = with(&[]).unwrap();
        assert!(!plain.is_trained_by_burn() && plain.check_loop().is_ok());
        assert_eq!(with(&["train.loop=own"]).unwrap(), plain);
        assert!(!to_toml(&plain).contains("loop") && !what_is_trained(&plain).contains("loop"));

        let by_burn = with(&["train.loop=burn-train"]).unwrap();
        assert!(by_burn.is_trained_by_burn());
        assert!(to_toml(&by_burn).contains("loop = \"burn-train\""));
        assert_eq!(resolve(&parse(&to_toml(&by_burn)).unwrap()).unwrap(), by_burn);
        assert_ne!(what_is_trained(&by_burn), what_is_trained(&plain));
    }

    #[test]
    fn what_burn_train_cannot_do_is_refused_with_its_key() {
        for (overrides, words) in [
            (&["train.optimizer=lbfgs"][..], &["train.optimizer.name = \"lbfgs\"", "adam"][..]),
            (&["train.optimizer=levenberg-marquardt"], &["train.optimizer.name = \"levenberg-marquardt\""]),
            (&["model.name=gan"], &["model.name = \"gan\"", "its own loss", "leave train.loop out"]),
            (&["model.name=polynomial"], &["train.loop does nothing", "fitted at once", "leave it out"]),
            (
                &["train.seconds=10"],
                &["train.seconds does nothing", "train.loop = \"burn-train\"", "leave it out"],
            ),
            (&["train.checkpoint_every=10"], &["train.checkpoint_every does nothing", "at each validation"]),
        ] {
            with(overrides).unwrap();
            let message = with(&[&["train.loop=burn-train"], overrides].concat()).unwrap_err();
            for word in words {
                assert!(message.contains(word), "{overrides:?}: \"{word}\" is not in {message}");
            }
        }
        let mut in_turns = with(&["train.loop=burn-train"]).unwrap();
        in_turns.data.from = "shards".into();
        (in_turns.data.trajectories, in_turns.data.at_once) = (100, 30);
        let message = in_turns.check_burn_train().unwrap_err();
        assert!(
            message.contains("data.at_once = 30 of 100") && message.contains("data.at_once = 100"),
            "{message}"
        );
        in_turns.data.at_once = 100;
        in_turns.check_burn_train().unwrap();

        let message = with(&["train.loop=burntrain"]).unwrap_err();
        assert!(message.contains("train.loop") && message.contains("`own` or `burn-train`"), "{message}");
    }

    #[cfg(not(feature = "burn-train"))]
    #[test]
    fn without_the_feature_only_training_is_refused() {
        let message = with(&["train.loop=burn-train"]).unwrap().check_loop().unwrap_err();
        assert!(message.contains("cargo build --release --features burn-train"), "{message}");
    }
}
