//! What is typed wrongly.

use std::fs;

use crate::world::{FAILURE, WRONG_USAGE, World, lazycat, mux};

#[test]
fn wrong_usage_is_told_with_what_to_do() {
    let world = World::new();
    let (source, catalog) = (world.source.to_str().unwrap(), world.catalog.to_str().unwrap());
    for (arguments, said) in [
        (&[][..], "Usage: lazycat [OPTIONS] <COMMAND>"),
        (&["walk"], "unrecognized subcommand 'walk'"),
        (&["run"], "<SOURCE>"),
        (&["run", source], "--catalog <DIR>"),
        (&["run", source, "--catalog"], "--catalog <DIR>"),
        (&["run", "--catalog", catalog], "<SOURCE>"),
        (&["run", source, "--catalog", catalog, "--wach"], "--watch"),
        (&["withdraw"], "--catalog <DIR>"),
        (&["withdraw", "--catalog", catalog], "<SCENE>"),
        (&["withdraw", "--catalog", catalog, "notes.txt"], "expected an item's id"),
        (&["run", source, "more", "--catalog", catalog], "unexpected argument 'more'"),
        (&["run", source, "--catalog", catalog, "--workers", "0"], "1..=256"),
        (&["run", source, "--catalog", catalog, "--workers", "many"], "--workers <N>"),
        (&["run", source, "--catalog", catalog, "--tick=-1"], "from 0 to 86400"),
        (&["run", source, "--catalog", catalog, "--tick", "NaN"], "from 0 to 86400"),
        (&["run", source, "--catalog", catalog, "--public-url", "example.com"], "https://example.com/stac/"),
        (&["run", source, "--catalog", catalog, "--public-url", "https://a b/"], "https://example.com/stac/"),
        (&["run", source, "--catalog", catalog, "--public-url", "https:///stac"], "https://example.com/stac/"),
        (&["run", source, "--catalog", catalog, "--cog-bucket", "mine"], "--metadata-bucket <BUCKET>"),
        (&["run", source, "--catalog", catalog, "--metadata-bucket", "mine"], "--cog-bucket <BUCKET>"),
        (
            &["run", source, "--catalog", catalog, "--cog-bucket", "s3://mine", "--metadata-bucket", "mine"],
            "the name of a bucket",
        ),
    ] {
        let ran = lazycat(arguments);
        ran.must_fail(WRONG_USAGE, &[said]);
        assert_eq!(ran.stdout, "", "{arguments:?}");
    }
    assert!(!world.catalog.exists());
}

#[test]
fn a_source_that_is_none_is_told_and_no_catalog_is_made() {
    let mut world = World::new();
    let file = world.add(&mux(0));
    for (source, said) in [
        (world.source.join("nowhere"), "does not exist; give the folder"),
        (file.clone(), "is not a directory; give the folder"),
        (file.join("below"), "SOURCE: "),
        ("".into(), "SOURCE"),
    ] {
        world.source = source;
        let ran = world.run(&[]);
        assert!(matches!(ran.status.code(), Some(FAILURE | WRONG_USAGE)), "{}", ran.told());
        assert!(ran.stderr.contains(said), "{}", ran.told());
        assert!(!world.catalog.exists(), "{}", ran.told());
    }
}

#[test]
fn an_empty_source_makes_nothing_and_is_all_right() {
    let world = World::new();
    fs::create_dir(world.source.join("empty")).unwrap();
    world.write("README.txt", b"no scene");
    world.write(".hidden.xml", b"no scene");
    let ran = world.run(&[]);
    ran.must_have_made(0);
    assert_eq!(ran.count("rebuilt"), 0, "{}", ran.told());
}
