//! Emits a known set of logs, metrics and spans through the published client crates and says on
//! standard output, as one JSON object, what it emitted.
//!
//! Configured from the environment like any instrumented program: `MICROMEGAS_TELEMETRY_URL`,
//! `MICROMEGAS_INGESTION_API_KEY` or the OpenID Connect client credentials, and
//! `MICROMEGAS_ENABLE_CPU_TRACING=true` for spans. One optional argument: how many numbered log
//! lines to add (default 20), so that a caller can ask for more than one block.
use anyhow::{Context, Result};
use micromegas_telemetry_sink::TelemetryGuardBuilder;
use micromegas_tracing::dispatch::{flush_log_buffer, flush_metrics_buffer};
use micromegas_tracing::guards::TracingThreadGuard;
use micromegas_tracing::levels::LevelFilter;
use micromegas_tracing::prelude::*;
use micromegas_tracing::property_set::{Property, PropertySet};
use micromegas_tracing::runtime::TracingRuntimeExt;
use micromegas_tracing::spans::spawn_with_context;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn unix_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("the clock is after 1970").as_nanos() as i64
}

/// One row of `log_entries` that must come back.
fn log(level: i32, target: &str, msg: impl Into<String>, properties: Value) -> Value {
    json!({"level": level, "target": target, "msg": msg.into(), "properties": properties})
}

fn emit_logs(numbered: u32) -> Vec<Value> {
    let mut sent = vec![];

    // Every level, constant text.
    fatal!("a constant fatal message");
    error!("a constant error message");
    warn!("a constant warning");
    info!("a constant message");
    debug!("a constant debug message");
    trace!("a constant trace message");
    sent.push(log(1, "emitter", "a constant fatal message", json!({})));
    sent.push(log(2, "emitter", "a constant error message", json!({})));
    sent.push(log(3, "emitter", "a constant warning", json!({})));
    sent.push(log(4, "emitter", "a constant message", json!({})));
    sent.push(log(5, "emitter", "a constant debug message", json!({})));
    sent.push(log(6, "emitter", "a constant trace message", json!({})));

    // Formatted text, a target of its own, and text that is hard on quoting and encodings.
    let city = String::from("Saint-J\u{e9}r\u{f4}me \u{2713} \u{1f389}");
    info!("arrived in {city}");
    info!(target: "billing::invoice", "total {:.2}", 19.9);
    warn!("{}", String::from("it's \"quoted\" -- ; DROP \\ \t\n{}"));
    info!("{}", String::new());
    sent.push(log(4, "emitter", format!("arrived in {city}"), json!({})));
    sent.push(log(4, "billing::invoice", "total 19.90", json!({})));
    sent.push(log(
        3,
        "emitter",
        "it's \"quoted\" -- ; DROP \\ \t\n{}",
        json!({}),
    ));
    sent.push(log(4, "emitter", "", json!({})));

    // Properties: from a set, beside the message, and as a template.
    let set = PropertySet::find_or_create(vec![
        Property::new("region", "eu"),
        Property::new("tier", "gold"),
    ]);
    let request = String::from("c0ffee");
    info!(..set, "from a set");
    error!(request = request, attempts = 3, "gave up");
    info!(user = request, rows = %7, "{user} read {rows} rows");
    sent.push(log(
        4,
        "emitter",
        "from a set",
        json!({"region": "eu", "tier": "gold"}),
    ));
    sent.push(log(
        2,
        "emitter",
        "gave up",
        json!({"request": "c0ffee", "attempts": "3"}),
    ));
    sent.push(log(
        4,
        "emitter",
        "c0ffee read 7 rows",
        json!({"user": "c0ffee", "rows": "7"}),
    ));

    // A block of its own.
    flush_log_buffer();
    for number in 0..numbered {
        info!("line {number} of {numbered}");
        sent.push(log(
            4,
            "emitter",
            format!("line {number} of {numbered}"),
            json!({}),
        ));
    }
    sent
}

/// One row of `measures` that must come back; `value` as the float64 that the server makes of it.
fn metric(name: &str, unit: &str, value: f64, properties: Value) -> Value {
    json!({"target": "emitter", "name": name, "unit": unit, "value": value, "properties": properties})
}

fn emit_metrics() -> Vec<Value> {
    let mut sent = vec![];
    imetric!("requests", "count", 7);
    imetric!("requests", "count", 0);
    imetric!("huge", "bytes", 9_007_199_254_740_992);
    fmetric!("latency", "ms", 3.25);
    fmetric!("temperature", "celsius", -273.15);
    sent.push(metric("requests", "count", 7.0, json!({})));
    sent.push(metric("requests", "count", 0.0, json!({})));
    sent.push(metric("huge", "bytes", 9_007_199_254_740_992.0, json!({})));
    sent.push(metric("latency", "ms", 3.25, json!({})));
    sent.push(metric("temperature", "celsius", -273.15, json!({})));

    let tags = PropertySet::find_or_create(vec![
        Property::new("disk", "nvme0"),
        Property::new("host", "web-1"),
    ]);
    imetric!("written", "bytes", ..tags, 4096);
    fmetric!("utilisation", "percent", ..tags, 12.5);
    let tags = json!({"disk": "nvme0", "host": "web-1"});
    sent.push(metric("written", "bytes", 4096.0, tags.clone()));
    sent.push(metric("utilisation", "percent", 12.5, tags));
    flush_metrics_buffer();
    for step in 0..10u32 {
        fmetric!("ramp", "none", f64::from(step) * 0.5);
        sent.push(metric("ramp", "none", f64::from(step) * 0.5, json!({})));
    }
    sent
}

#[span_fn]
fn leaf() {
    std::thread::sleep(Duration::from_micros(200));
}

/// Spans of one thread, in the order in which they begin; depth 1 lies directly under the
/// thread's own root.
fn thread_work() {
    let _guard = TracingThreadGuard::new();
    for _ in 0..2 {
        span_scope!("frame");
        {
            span_scope!("update");
            leaf();
        }
        {
            span_scope!("render");
        }
    }
}

fn on_thread(name: &str) -> Result<Value> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(thread_work)
        .context("start a thread")?
        .join()
        .ok()
        .context("a traced thread panicked")?;
    let mut spans = vec![];
    for _ in 0..2 {
        spans.push(json!({"name": "frame", "depth": 1, "parent": null}));
        spans.push(json!({"name": "update", "depth": 2, "parent": "frame"}));
        spans.push(json!({"name": "emitter::leaf", "depth": 3, "parent": "update"}));
        spans.push(json!({"name": "render", "depth": 2, "parent": "frame"}));
    }
    Ok(json!({"thread_name": name, "spans": spans}))
}

#[span_fn]
async fn fetch() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

#[span_fn]
async fn handle() -> Result<()> {
    fetch().await;
    span_async_named!("retry", async { fetch().await }).await;
    spawn_with_context(fetch())
        .await
        .context("a spawned task")?;
    Ok(())
}

fn emit_async() -> Result<Vec<Value>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("emitter-worker")
        .enable_all()
        .with_tracing_callbacks()
        .build()
        .context("build the async runtime")?;
    runtime.block_on(async { tokio::spawn(handle()).await.context("the handler's task")? })?;
    drop(runtime); // ends the worker threads, which hands over their spans
    let span = |name: &str, parent: Option<&str>, depth: u32| json!({"name": name, "parent": parent, "depth": depth});
    Ok(vec![
        span("emitter::handle", None, 0),
        span("emitter::fetch", Some("emitter::handle"), 1),
        span("retry", Some("emitter::handle"), 1),
        span("emitter::fetch", Some("retry"), 2),
        span("emitter::fetch", Some("emitter::handle"), 1),
    ])
}

fn main() -> Result<()> {
    let numbered = match std::env::args().nth(1) {
        Some(text) => text.parse().context("the number of log lines")?,
        None => 20,
    };
    let begin = unix_ns();
    let guard = TelemetryGuardBuilder::default()
        .with_auth_from_env()
        .with_telemetry_sink_max_level(LevelFilter::Trace)
        .with_local_sink_enabled(false) // standard output is for the summary
        .with_system_metrics_enabled(false) // they would add rows nobody can predict
        .with_process_property("suite".into(), "system-test".into())
        .build()?;
    let ready = unix_ns();
    let logs = emit_logs(numbered);
    let metrics = emit_metrics();
    let threads = vec![on_thread("worker-a")?, on_thread("worker-b")?];
    let async_spans = emit_async()?;
    let process_id = micromegas_tracing::dispatch::process_id().map(|id| id.to_string());
    drop(guard); // flushes, waits for the requests
    let summary = json!({
        "process_id": process_id,
        "begin_ns": begin,
        "ready_ns": ready,
        "end_ns": unix_ns(),
        "process_properties": {"suite": "system-test"},
        "logs": logs,
        "metrics": metrics,
        "threads": threads,
        "async_spans": async_spans,
    });
    println!("{summary}");
    Ok(())
}
