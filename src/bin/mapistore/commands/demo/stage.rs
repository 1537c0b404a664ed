//! What the audience sees: steps, who did what, and claims that held.

use std::time::Duration;

use console::{Color, Style};

use super::actor::Actor;
use crate::exit::Refusal;
use crate::output::{Format, Output};

/// One step of the demonstration.
#[derive(Debug, serde::Serialize)]
struct Step {
    step: usize,
    title: String,
    events: Vec<Event>,
    claims: Vec<Claim>,
}

#[derive(Debug, serde::Serialize)]
struct Event {
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    process_id: Option<u32>,
    did: String,
}

/// What the contract says, by the id of its rule, and whether it held.
#[derive(Debug, serde::Serialize)]
struct Claim {
    rule: &'static str,
    claim: String,
    held: bool,
}

pub(super) struct Stage<'a> {
    output: &'a mut Output,
    steps: Vec<Step>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(output: &'a mut Output) -> Stage<'a> {
        Stage {
            output,
            steps: Vec::new(),
        }
    }

    /// What the audience should know first.
    pub(super) fn open(&mut self, text: &str) -> anyhow::Result<()> {
        self.show(&Style::new(), "", text)
    }

    pub(super) fn step(&mut self, title: &str) -> anyhow::Result<()> {
        let step = self.steps.len() + 1;
        self.steps.push(Step {
            step,
            title: title.to_owned(),
            events: Vec::new(),
            claims: Vec::new(),
        });
        self.show(&Style::new(), "", "")?;
        self.show(&Style::new().bold(), &format!("{step}  {title}"), "")
    }

    /// What an actor did.
    pub(super) fn act(&mut self, actor: &Actor, did: &str) -> anyhow::Result<()> {
        let colour = if actor.name() == "Ana" {
            Color::Magenta
        } else {
            Color::Cyan
        };
        let who = format!("   {} [{}]", actor.name(), actor.process_id());
        self.show(&Style::new().fg(colour), &who, &format!(" {did}"))?;
        self.note(Some(actor), did);
        Ok(())
    }

    /// A command that anybody could type.
    pub(super) fn command(&mut self, arguments: &str) -> anyhow::Result<()> {
        let did = format!("mapistore {arguments}");
        self.show(&Style::new().dim(), "   $ ", &did)?;
        self.note(None, &did);
        Ok(())
    }

    /// What was answered.
    pub(super) fn quote(&mut self, text: &str) -> anyhow::Result<()> {
        for line in text.lines() {
            self.show(&Style::new(), "", &format!("       {line}"))?;
        }
        Ok(())
    }

    /// What the contract says must hold now.
    pub(super) fn claim(
        &mut self,
        rule: &'static str,
        claim: &str,
        held: bool,
    ) -> anyhow::Result<()> {
        let (mark, colour) = if held {
            ("✓", Color::Green)
        } else {
            ("✗", Color::Red)
        };
        self.show(
            &Style::new().fg(colour),
            &format!("   {mark} "),
            &format!("{claim} ({rule})"),
        )?;
        if let Some(step) = self.steps.last_mut() {
            step.claims.push(Claim {
                rule,
                claim: claim.to_owned(),
                held,
            });
        }
        if held {
            Ok(())
        } else {
            Err(Refusal::Broken(format!("{claim} ({rule})")).into())
        }
    }

    pub(super) fn end(&mut self, took: Duration) -> anyhow::Result<()> {
        let claims: usize = self.steps.iter().map(|step| step.claims.len()).sum();
        let text = format!(
            "\nAll {claims} claims held, in {:.1} s.",
            took.as_secs_f32()
        );
        for line in text.lines() {
            self.show(&Style::new(), "", line)?;
        }
        Ok(())
    }

    /// The steps as JSON, also where a claim did not hold.
    pub(super) fn close(self) -> anyhow::Result<()> {
        match self.output.format() {
            Format::Json => self.output.json_array(self.steps.into_iter().map(Ok)),
            Format::People => Ok(()),
        }
    }

    fn note(&mut self, actor: Option<&Actor>, did: &str) {
        if let Some(step) = self.steps.last_mut() {
            step.events.push(Event {
                client: actor.map(Actor::name),
                process_id: actor.map(Actor::process_id),
                did: did.to_owned(),
            });
        }
    }

    /// Shown at once: the audience follows.
    fn show(&mut self, style: &Style, head: &str, rest: &str) -> anyhow::Result<()> {
        if self.output.format() == Format::People {
            self.output.styled(style, head, rest)?;
            self.output.flush()?;
        }
        Ok(())
    }
}
