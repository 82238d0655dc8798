//! TLS in libpq's words, against a server that has a certificate for another name than its address.

use std::fs;
use std::path::Path;

use lazycat::pgstac::{Pgstac, Settings, Target};
use lazycat::search::ports::{IndexError, IndexItems as _};
use lazycat_tests::postgres::Postgres;
use lazycat_tests::tls::Authority;
use tempfile::TempDir;

use crate::world::{World, at, item, put};

async fn connected(address: &str) -> Result<(), String> {
    let index = Pgstac::new(address.parse::<Target>().unwrap(), Settings::default());
    let text = item("c", "a", at("2020-01-01T00:00:00Z")).to_string();
    match index.apply(&[put(&text, 1)]).await.remove(0) {
        Ok(_) => Ok(()),
        Err(IndexError::Port(error)) => Err(error.to_string()),
        Err(other) => panic!("{other}"),
    }
}

fn prepared(data: &Path, authority: &Authority, name: &str) {
    let signed = authority.sign(name);
    fs::write(data.join("server.crt"), signed.certificate).unwrap();
    let key = data.join("server.key");
    fs::write(&key, signed.key).unwrap();
    fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    // Only over TLS.
    fs::write(
        data.join("pg_hba.conf"),
        "local all all trust\nhostnossl all all samenet reject\nhostssl all all all trust\n",
    )
    .unwrap();
}

#[tokio::test]
async fn each_mode_takes_the_servers_that_it_says() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let folder = TempDir::new().unwrap();
    let (ours, theirs) = (folder.path().join("ours.pem"), folder.path().join("theirs.pem"));
    fs::write(&ours, authority.certificate()).unwrap();
    fs::write(&theirs, stranger.certificate()).unwrap();
    let (ours, theirs) = (ours.display(), theirs.display());
    let named = Postgres::start_with(&["ssl=on"], |data| prepared(data, &authority, "localhost"));
    let address = format!("port={} user=postgres dbname=postgres", named.port());
    let failure = |text: Result<(), String>| text.unwrap_err();

    // It gets as far as to see that there is no pgstac.
    for mode in ["prefer", "require", &format!("verify-ca sslrootcert={ours}")] {
        let told = failure(connected(&format!("host=127.0.0.1 {address} sslmode={mode}")).await);
        assert!(told.contains("has no pgstac"), "{mode}: {told}");
    }
    let told = failure(connected(&format!("host=localhost {address} sslmode=verify-full sslrootcert={ours}")).await);
    assert!(told.contains("has no pgstac"), "{told}");
    for (host, mode, says) in [
        ("127.0.0.1", format!("verify-full sslrootcert={ours}"), "certificate"),
        ("127.0.0.1", format!("verify-ca sslrootcert={theirs}"), "certificate"),
        ("127.0.0.1", format!("require sslrootcert={theirs}"), "certificate"),
        ("localhost", format!("verify-full sslrootcert={theirs}"), "certificate"),
        ("localhost", "verify-full".to_owned(), "certificate"),
        ("127.0.0.1", "disable".to_owned(), "no encryption"),
        ("localhost", "verify-full sslrootcert=/nowhere.pem".to_owned(), "/nowhere.pem"),
    ] {
        let told = failure(connected(&format!("host={host} {address} sslmode={mode}")).await);
        assert!(told.contains(says), "{host} {mode}: {told}");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_spoken_to_only_where_that_was_allowed() {
    let world = World::new().await;
    let address = world.database.address();
    for mode in ["disable", "prefer", "allow"] {
        connected(&format!("{address} sslmode={mode}")).await.unwrap();
    }
    for mode in ["require", "verify-full"] {
        let told = connected(&format!("{address} sslmode={mode}")).await.unwrap_err();
        assert!(told.contains("TLS"), "{mode}: {told}");
    }
}
