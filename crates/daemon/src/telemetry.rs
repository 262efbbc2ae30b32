//! The log: one sentence for people and fields for queries, a line an event, on standard error.
//! Neighbours: main, which sets it up once; everyone who logs. `docs/LOGGING.md` has the fields.
//!
//! Nothing a remote or a customer wrote can forge a line or turn one around: control and
//! direction-changing characters are escaped on the way out, whoever logged them.

use crate::config::LogFormat;
use std::{
    fmt::Write as _,
    io::{self, Write},
};
use tracing::{Level, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt, Targets},
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

/// The crates that keep law 9: no secret, name, number or text in what they log, at any level.
/// Others are shown from `warn` up whatever is asked for, as an HTTP library's `trace` holds
/// requests whole.
const OURS: [&str; 6] = [
    "jelou_bridge",
    "bridge_core",
    "bridge_transport",
    "bridge_sandbox",
    "jelou_adapter",
    "ticketing_adapter",
];

/// Why the log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The level is not one.
    #[error(
        "the log level is not understood: {0}. Write error, warn, info, debug or trace, or pairs like jelou_bridge::jobs=debug,info"
    )]
    Level(String),
    /// There is a log already.
    #[error("the log was set up before")]
    Again,
}

/// Begins logging to standard error. The level is what `JELOU_BRIDGE_LOG` or else `RUST_LOG` says;
/// without it, `info`.
///
/// # Errors
/// [`TelemetryError`], with what to write in place of a level that is none.
pub fn init(format: LogFormat, level: Option<&str>) -> Result<(), TelemetryError> {
    let layer = layer(format, level, io::stderr)?;
    tracing_subscriber::registry()
        .with(layer)
        .try_init()
        .map_err(|_| TelemetryError::Again)
}

fn layer<S, W>(
    format: LogFormat,
    level: Option<&str>,
    out: W,
) -> Result<Box<dyn Layer<S> + Send + Sync>, TelemetryError>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let most = Targets::new()
        .with_default(Level::WARN)
        .with_targets(OURS.map(|target| (target, Level::TRACE)));
    let filter = asked(level.unwrap_or_default().trim())?.and(most);
    let plain = fmt::layer().with_ansi(false);
    Ok(match format {
        LogFormat::Human => plain
            .with_writer(Escaping {
                out,
                escape: for_people,
            })
            .with_filter(filter)
            .boxed(),
        LogFormat::Json => plain
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .with_writer(Escaping {
                out,
                escape: for_json,
            })
            .with_filter(filter)
            .boxed(),
    })
}

/// A lone word that is neither a level nor a module of ours would be taken for another program's
/// module, and the log would fall silent: it is refused.
fn asked(level: &str) -> Result<EnvFilter, TelemetryError> {
    let lone = level
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    for word in lone.filter(|part| !part.contains(['=', '['])) {
        let ours = OURS.iter().any(|target| word.starts_with(target));
        if !ours && word.parse::<LevelFilter>().is_err() {
            return Err(TelemetryError::Level(format!("`{}`", word.escape_debug())));
        }
    }
    EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse(level)
        .map_err(|error| TelemetryError::Level(error.to_string()))
}

/// Escapes what a line must not hold. The formatter writes each event at once, its line break
/// last; any other line break came from outside.
#[derive(Clone, Copy)]
struct Escaping<W> {
    out: W,
    escape: fn(char, &mut String),
}

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Escaping<W> {
    type Writer = Escaping<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Escaping {
            out: self.out.make_writer(),
            escape: self.escape,
        }
    }
}

impl<W: Write> Write for Escaping<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let sentence = text.strip_suffix('\n').unwrap_or(&text);
        let mut line = String::with_capacity(text.len());
        for character in sentence.chars() {
            if character.is_control() || turns_text(character) {
                (self.escape)(character, &mut line);
            } else {
                line.push(character);
            }
        }
        line.push('\n');
        self.out.write_all(line.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Characters that change the direction of what follows, break lines, or show as nothing, so that
/// what is read is not what is there (Unicode, technical report 36).
fn turns_text(character: char) -> bool {
    matches!(
        character,
        '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

fn for_people(character: char, line: &mut String) {
    line.extend(character.escape_default());
}

/// All of these stand inside strings, where this means the same character.
fn for_json(character: char, line: &mut String) {
    let _ = write!(line, "\\u{:04x}", u32::from(character));
}

#[cfg(test)]
mod tests;
