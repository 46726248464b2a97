//! Service Quotas' verbs.

use serde_json::{Value, json};

use super::calls::quotas;
use super::error::lacking;
use super::{Aws, json};

impl Aws {
    /// What an account may have of something, in the region: the value applied to it, or else AWS's default.
    ///
    /// Source: <https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetServiceQuota.html>
    pub(crate) async fn quota(&self, service: &str, code: &str) -> anyhow::Result<f64> {
        let input = json!({"ServiceCode": service, "QuotaCode": code});
        let applied = json::call(self, quotas::GET_SERVICE_QUOTA, input.clone()).await;
        let answer = match applied {
            Ok(answer) => answer,
            // Where nothing was ever applied, there may be the default alone.
            Err(error) if format!("{error:#}").contains("NoSuchResourceException") => {
                json::call(self, quotas::GET_AWS_DEFAULT_SERVICE_QUOTA, input).await?
            }
            Err(error) => return Err(error),
        };
        value(&answer)
    }
}

fn value(answer: &Value) -> anyhow::Result<f64> {
    let value = answer["Quota"]["Value"].as_f64();
    value.ok_or_else(|| lacking("Service Quotas gives no value"))
}

#[cfg(test)]
mod tests {
    use crate::aws::replay::Replay;

    async fn check(answers: &[(u16, &str)], expected: Option<f64>) {
        let answers = answers.iter().map(|(status, body)| (*status, (*body).to_owned()));
        let quota = Replay::new(answers).aws().quota("vpc", "L-F678F1CE").await;
        assert_eq!(quota.ok(), expected);
    }

    #[tokio::test]
    async fn the_applied_value_or_else_the_default() {
        let refusal = |code: &str| format!(r#"{{"__type":"{code}","message":"m"}}"#);
        check(&[(200, r#"{"Quota":{"Value":7.0}}"#)], Some(7.0)).await;
        let default = (200, r#"{"Quota":{"Value":5.0}}"#);
        check(&[(400, &refusal("NoSuchResourceException")), default], Some(5.0)).await;
        check(&[(400, &refusal("AccessDeniedException")), default], None).await;
        check(&[(200, "{}")], None).await;
    }
}
