//! From what happened to what was delivered.

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use jiff::{SignedDuration, Timestamp};

use super::news::{News, removed};
use super::receiver::Attempt;
use super::sign::{body, headers, message_id};
use super::{Webhook, Webhooks};
use crate::app::App;
use crate::store::{Delivery, DeliveryState, Event, Store, StoreError};

/// How often the outbox is looked into.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How many events are handed over, and how many deliveries tried, in one look.
const BATCH: u32 = 64;

/// How many receivers are waited for at once.
const AT_ONCE: usize = 8;

/// How often a delivery is tried: with five seconds at first, for about two days.
const MAX_ATTEMPTS: u32 = 17;

/// The longest wait between two attempts.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(12);

/// How long it is kept that something was delivered, so that it is not told again.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 7);

/// Tells everybody what happens, for as long as the server runs.
pub(crate) async fn deliver_for_ever(webhooks: Webhooks, app: App) {
    if webhooks.is_empty() {
        return;
    }
    let mut news = News::since_start(&app);
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = look(&webhooks, &app, &mut news).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "could not look into the outbox of webhooks");
        }
    }
}

async fn look(webhooks: &Webhooks, app: &App, news: &mut News) -> Result<(), StoreError> {
    // Where the deliveries are, wherever it happened.
    let (own, now) = (&app.store, Timestamp::now());
    news.write_down(app).await?;
    for shelf in app.shelves() {
        let source = shelf.source().map(|source| source.name().to_string());
        let events = shelf.store.events(BATCH).await?;
        hand_over(webhooks, own, source.as_deref(), &events, now).await?;
        // Only what every webhook has is forgotten.
        if let Some(last) = events.last() {
            shelf.store.forget_events(last.number).await?;
        }
        let list = shelf.removals.all();
        if !news.has_told(source.as_ref(), &list) {
            hand_over(webhooks, own, source.as_deref(), &removed(&list, now), now).await?;
            news.tell(source.as_ref(), list);
        }
    }
    let due = own.due(now, BATCH).await?;
    if due.is_empty() {
        return Ok(());
    }
    let attempts = due.into_iter().map(|delivery| attempt(webhooks, delivery));
    let mut attempts = stream::iter(attempts).buffer_unordered(AT_ONCE);
    while let Some(delivery) = attempts.next().await {
        own.attempted(&delivery).await?;
    }
    own.forget_delivered(now.saturating_sub(KEPT).unwrap_or(Timestamp::MIN)).await?;
    Ok(())
}

/// Hands over what happened. What was handed over before is not handed over again.
async fn hand_over(
    webhooks: &Webhooks,
    own: &Store,
    source: Option<&str>,
    events: &[Event],
    now: Timestamp,
) -> Result<(), StoreError> {
    for event in events {
        let message = message_id(source.unwrap_or_default(), event);
        let body = body(source, event);
        for webhook in webhooks.webhooks.iter().filter(|it| it.wants(&event.kind)) {
            own.hand_over(&webhook.config.name, &message, &body, now).await?;
        }
    }
    Ok(())
}

/// Tries a delivery, and says what became of it.
async fn attempt(webhooks: &Webhooks, mut delivery: Delivery) -> Delivery {
    let is_it = |webhook: &&Webhook| webhook.config.name == delivery.webhook;
    let Some(webhook) = webhooks.webhooks.iter().find(is_it) else {
        let problem = "no webhook is called that any more".to_owned();
        return Delivery { state: DeliveryState::Dead, problem: Some(problem), ..delivery };
    };
    let now = Timestamp::now();
    let headers = headers(&webhook.key, &delivery.message, now, &delivery.body);
    let attempt = webhook.receiver.send(headers, &delivery.body).await;
    delivery.attempts = delivery.attempts.saturating_add(1);
    match attempt {
        Attempt::Taken => Delivery { state: DeliveryState::Delivered, problem: None, ..delivery },
        Attempt::Gone => {
            let problem = Some("it answered 410: it wants no more".to_owned());
            Delivery { state: DeliveryState::Dead, problem, ..delivery }
        }
        Attempt::Failed(problem) => {
            let is_over = delivery.attempts >= MAX_ATTEMPTS;
            let state = if is_over { DeliveryState::Dead } else { DeliveryState::Waiting };
            let (webhook_name, attempts) = (&delivery.webhook, delivery.attempts);
            tracing::warn!(webhook = %webhook_name, attempts, problem, "a webhook was not delivered");
            let wait = wait(webhook.config.retry_seconds, delivery.attempts);
            let due_at = Timestamp::now().saturating_add(wait).unwrap_or(Timestamp::MAX);
            Delivery { state, due_at, problem: Some(problem), ..delivery }
        }
    }
}

/// How long to wait after so many attempts: twice as long each time.
fn wait(first_seconds: u32, attempts: u32) -> SignedDuration {
    let doublings = attempts.saturating_sub(1).min(31);
    let seconds = i64::from(first_seconds).saturating_mul(1 << doublings);
    SignedDuration::from_secs(seconds).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_half_a_day() {
        let seconds = |attempts| wait(5, attempts).as_secs();
        assert_eq!([1, 2, 3, 4].map(seconds), [5, 10, 20, 40]);
        assert_eq!(seconds(MAX_ATTEMPTS), 12 * 3600);
        let all: i64 = (1..MAX_ATTEMPTS).map(seconds).sum();
        assert!((24 * 3600..72 * 3600).contains(&all), "{all}");
    }
}
