//! Stacks: what CloudFormation says of one, and what an operator is told when there is none, or not what is needed.

use lazycat::aws::{Stack, StackError};
use lazycat::ports::PortError;
use lazycat::redrive::Kind;
use lazycat_tests::ministack::Ministack;
use lazycat_tests::wire::Answer;

use crate::{always, says};

/// A stack as CloudFormation describes it.
const DESCRIBED: &str = r#"<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">
  <DescribeStacksResult><Stacks><member>
    <StackName>lazycat</StackName><StackId>id</StackId><StackStatus>UPDATE_COMPLETE</StackStatus>
    <CreationTime>2026-01-01T00:00:00Z</CreationTime>
    <Parameters><member><ParameterKey>SourceBuckets</ParameterKey><ParameterValue>one,two</ParameterValue></member></Parameters>
    <Outputs>
      <member><OutputKey>ScenesQueue</OutputKey><OutputValue>https://queues/scenes</OutputValue></member>
      <member><OutputKey>ScenesDeadLetters</OutputKey><OutputValue>https://queues/dead</OutputValue></member>
    </Outputs>
  </member></Stacks></DescribeStacksResult></DescribeStacksResponse>"#;

fn error(code: &str, message: &str) -> Answer {
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
    );
    Answer::new(if code == "AccessDenied" { 403 } else { 400 }, body)
}

#[tokio::test]
async fn a_stack_is_known_by_its_outputs_and_parameters() {
    let (service, clients) = always(Answer::new(200, DESCRIBED)).await;
    let stack = Stack::find(&clients.cloudformation, "lazycat").await.unwrap();
    assert_eq!(stack.urls(Kind::Scenes).unwrap(), ("https://queues/scenes", "https://queues/dead"));
    assert_eq!((stack.name(), stack.parameter("SourceBuckets").unwrap()), ("lazycat", "one,two"));
    says(&service.requests()[0].text(), &["Action=DescribeStacks", "StackName=lazycat"]);
}

#[tokio::test]
async fn an_output_that_is_missing_is_named_with_what_to_do() {
    let (_service, clients) = always(Answer::new(200, DESCRIBED)).await;
    let stack = Stack::find(&clients.cloudformation, "lazycat").await.unwrap();
    for missing in [stack.urls(Kind::Levels).unwrap_err(), stack.output("LevelsQueue").unwrap_err()] {
        says(&missing.to_string(), &["lazycat", "output", "\"LevelsQueue\"", "make deploy"]);
    }
    says(&stack.parameter("Schedule").unwrap_err().to_string(), &["parameter", "\"Schedule\""]);
}

#[tokio::test]
async fn a_stack_that_is_not_there_is_told_with_where_it_was_looked_for() {
    let (_service, clients) = always(error("ValidationError", "Stack with id lazycat does not exist")).await;
    let error = Stack::find(&clients.cloudformation, "lazycat").await.unwrap_err();
    assert!(matches!(error, StackError::NotFound { .. }), "{error:?}");
    says(&error.to_string(), &["no stack lazycat in us-east-1", "list-stacks"]);
}

#[tokio::test]
async fn a_name_that_is_none_and_a_caller_who_may_not_ask_are_told_apart() {
    let (_service, clients) = always(error("ValidationError", "1 validation error detected")).await;
    let invalid = Stack::find(&clients.cloudformation, "?").await.unwrap_err();
    assert!(matches!(invalid, StackError::Port(PortError::Unavailable { .. })), "{invalid:?}");
    let (_service, clients) = always(error("AccessDenied", "not authorized to perform DescribeStacks")).await;
    let denied = Stack::find(&clients.cloudformation, "lazycat").await.unwrap_err();
    assert!(matches!(denied, StackError::Port(PortError::Denied { .. })), "{denied:?}");
    says(&denied.to_string(), &["the stack lazycat", "not authorized"]);
}

/// As an emulator tells it, from a template.
#[tokio::test]
async fn a_stack_that_was_deployed_is_found_and_another_is_not() {
    const TEMPLATE: &str = r#"{
        "Parameters": {"SourceBuckets": {"Type": "CommaDelimitedList", "Default": "cbers-pds,amazonia-pds"}},
        "Resources": {"Scenes": {"Type": "AWS::SQS::Queue"}},
        "Outputs": {"ScenesQueue": {"Value": {"Ref": "Scenes"}}}}"#;
    let clients = Ministack::shared().account();
    let request = clients.cloudformation.create_stack().stack_name("catalog").template_body(TEMPLATE);
    request.send().await.unwrap();
    let stack = Stack::find(&clients.cloudformation, "catalog").await.unwrap();
    says(stack.output("ScenesQueue").unwrap(), &["http", "Scenes"]);
    assert_eq!(stack.parameter("SourceBuckets").unwrap(), "cbers-pds,amazonia-pds");
    let other = Stack::find(&clients.cloudformation, "another").await.unwrap_err();
    assert!(matches!(other, StackError::NotFound { .. }), "{other:?}");
}
