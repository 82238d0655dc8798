//! A deployed stack, found by its name: where its queues, its table and its bucket are.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::error::ProvideErrorMetadata as _;

use super::failure::failed;
use crate::ports::PortError;
use crate::redrive::Kind;

/// A stack of `template.yaml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    name: String,
    outputs: BTreeMap<String, String>,
    parameters: BTreeMap<String, String>,
}

/// Why a stack cannot be worked on.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// There is none of this name.
    #[error(
        "there is no stack {name} in {region}; `aws cloudformation list-stacks` tells which there are, AWS_REGION where"
    )]
    NotFound {
        /// The name.
        name: String,
        /// Where it was looked for.
        region: String,
    },
    /// It is another's, or older than this program.
    #[error(
        "the stack {name} has no {kind} {missing:?}; expected a stack of lazycat's template.yaml, as new as this program: \
         deploy it again with `make deploy`"
    )]
    Missing {
        /// The name.
        name: String,
        /// `output` or `parameter`.
        kind: &'static str,
        /// What is missing.
        missing: String,
    },
    /// CloudFormation could not be asked.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl Stack {
    /// Looks for a stack. Needs `cloudformation:DescribeStacks`.
    ///
    /// # Errors
    ///
    /// [`StackError::NotFound`], [`StackError::Port`].
    pub async fn find(cloudformation: &Client, name: &str) -> Result<Self, StackError> {
        let region = cloudformation.config().region().map_or_else(|| "no region".to_owned(), ToString::to_string);
        let not_found = || StackError::NotFound { name: name.to_owned(), region };
        let answer = match cloudformation.describe_stacks().stack_name(name).send().await {
            Ok(answer) => answer,
            Err(error)
                if error.code() == Some("ValidationError")
                    && error.message().is_some_and(|message| message.contains("does not exist")) =>
            {
                return Err(not_found());
            }
            Err(error) => return Err(failed("asking CloudFormation for", &format!("the stack {name}"), error).into()),
        };
        let stack = answer.stacks.unwrap_or_default().into_iter().next().ok_or_else(not_found)?;
        let outputs = stack
            .outputs()
            .iter()
            .filter_map(|output| Some((output.output_key()?.to_owned(), output.output_value()?.to_owned())));
        let parameters = stack.parameters().iter().filter_map(|parameter| {
            Some((parameter.parameter_key()?.to_owned(), parameter.parameter_value()?.to_owned()))
        });
        Ok(Self { name: name.to_owned(), outputs: outputs.collect(), parameters: parameters.collect() })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// An output of the template, such as `ScenesQueue`.
    ///
    /// # Errors
    ///
    /// [`StackError::Missing`].
    pub fn output(&self, name: &str) -> Result<&str, StackError> {
        self.value(&self.outputs, "output", name)
    }

    /// A parameter of the template, such as `SourceBuckets`.
    ///
    /// # Errors
    ///
    /// [`StackError::Missing`].
    pub fn parameter(&self, name: &str) -> Result<&str, StackError> {
        self.value(&self.parameters, "parameter", name)
    }

    /// The URLs of a queue and of its dead letters.
    ///
    /// # Errors
    ///
    /// [`StackError::Missing`].
    pub fn urls(&self, queue: Kind) -> Result<(&str, &str), StackError> {
        match queue {
            Kind::Scenes => Ok((self.output("ScenesQueue")?, self.output("ScenesDeadLetters")?)),
            Kind::Levels => Ok((self.output("LevelsQueue")?, self.output("LevelsDeadLetters")?)),
            Kind::Items => Ok((self.output("ItemsQueue")?, self.output("ItemsDeadLetters")?)),
        }
    }

    fn value<'a>(
        &self,
        values: &'a BTreeMap<String, String>,
        kind: &'static str,
        name: &str,
    ) -> Result<&'a str, StackError> {
        let missing = || StackError::Missing { name: self.name.clone(), kind, missing: name.to_owned() };
        values.get(name).map(String::as_str).ok_or_else(missing)
    }
}
