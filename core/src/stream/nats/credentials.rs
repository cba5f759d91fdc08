//! How the client proves who it is.

use async_nats::ConnectOptions;

use crate::options::{ConnectionOptions, Faults};

/// Adds the one given way to be let in; notes a fault for what cannot be used. Blocks when it
/// reads a file.
pub(super) fn apply(
    base: ConnectOptions,
    options: &ConnectionOptions,
    path: &str,
    faults: &mut Faults,
) -> ConnectOptions {
    if let Some(token) = &options.token {
        return base.token(token.reveal().to_owned());
    }
    if let (Some(user), Some(password)) = (&options.user, &options.password) {
        return base.user_and_password(user.clone(), password.reveal().to_owned());
    }
    if let Some(nkey) = &options.nkey {
        let seed = nkey.reveal().trim();
        if !is_seed(seed) {
            faults.add(format!("{path}.nkey"), "is not the seed of a user nkey");
        }
        return base.nkey(seed.to_owned());
    }
    if let Some(creds) = &options.creds {
        return credentials(base, creds.reveal(), format!("{path}.creds"), faults);
    }
    if let Some(file) = &options.creds_file {
        let option = format!("{path}.creds_file");
        return match std::fs::read_to_string(file) {
            Ok(text) => credentials(base, &text, option, faults),
            Err(error) => {
                faults.add(option, format_args!("cannot be read: {error}"));
                base
            }
        };
    }
    base
}

fn credentials(
    base: ConnectOptions,
    text: &str,
    option: String,
    faults: &mut Faults,
) -> ConnectOptions {
    let unchanged = base.clone();
    // The cause is left out: nothing of the text may reach a message.
    base.credentials(text).unwrap_or_else(|_| {
        faults.add(option, "is not the text of a credentials file");
        unchanged
    })
}

fn is_seed(text: &str) -> bool {
    const LENGTH: usize = 58;
    text.len() == LENGTH
        && text.starts_with("SU")
        && text.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'2'..=b'7'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Secret;

    #[test]
    fn faults_name_their_option_and_hide_the_secret() {
        let with = |options: ConnectionOptions| {
            let mut faults = Faults::default();
            apply(ConnectOptions::new(), &options, "connection", &mut faults);
            faults.into_result().expect_err("a fault")
        };
        let nkey = Some(Secret::new("SUhunter2"));
        let error = with(ConnectionOptions { nkey, ..Default::default() });
        assert_eq!(error.context()[0].0, "connection.nkey");
        assert!(!error.to_string().contains("hunter2"));

        let creds = Some(Secret::new("hunter2"));
        let error = with(ConnectionOptions { creds, ..Default::default() });
        assert_eq!(error.context()[0].0, "connection.creds");
        assert!(!error.to_string().contains("hunter2"));

        let creds_file = Some("/no/such/file.creds".into());
        let error = with(ConnectionOptions { creds_file, ..Default::default() });
        assert_eq!(error.context()[0].0, "connection.creds_file");
    }
}
