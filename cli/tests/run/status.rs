//! `lazycat status`: how a catalog is doing.

use futures::executor::block_on;
use lazycat::level::{Level, Mark, Token};
use lazycat::local::{self, QueueName};
use lazycat::message::LevelMessage;
use lazycat::ports::{MarkLevels as _, ReceiveMessages as _, SendLevels as _, SendMessages as _};
use lazycat_fixtures::SceneSpec;

use crate::sound::documents;
use crate::world::{PLAIN, SOME_REFUSED, SUCCESS, World, day, mux};

#[test]
fn a_quiet_catalog_is_told_with_its_items_and_the_last_scene_of_each_camera() {
    let wide = SceneSpec::amazonia1_wfi(36, 18, day(5));
    // The one acquired last stands in the least path.
    let last = SceneSpec::cbers4_mux(1, 90, day(9));
    let world = World::with(&[mux(0), mux(3), last.clone(), wide.clone()]);
    let before = documents(&world.catalog);
    let ran = world.on("status", &[]);
    let status = ran.must_exit(SUCCESS).summary();
    for queue in 0..2 {
        let queue = &status["queues"][queue];
        assert_eq!((&queue["visible"], &queue["in_flight"], &queue["dead_letters"]), (&0.into(), &0.into(), &0.into()));
        assert!(queue["oldest"].is_null(), "{status}");
    }
    assert_eq!((&status["marks"]["count"], status["marks"]["oldest"].is_null()), (&0.into(), true), "{status}");
    let items = &status["items"];
    assert_eq!((&items["count"], &items["last_hour"], &items["last_day"]), (&4.into(), &4.into(), &4.into()));
    let camera = &items["cameras"]["CBERS4-MUX"];
    assert_eq!((&camera["items"], &camera["last_scene"]), (&3.into(), &last.id().into()), "{status}");
    assert_eq!(items["cameras"]["AMAZONIA1-WFI"]["last_scene"], wide.id());
    let told = world.on("status", &[PLAIN]);
    let told = &told.must_exit(SUCCESS).stdout;
    assert!(told.contains("CBERS4-MUX ") && told.contains(&last.id()) && told.contains("in the last hour 4"), "{told}");
    let quick = world.on("status", &["--quick"]);
    assert!(quick.must_exit(SUCCESS).summary()["items"].is_null(), "{}", quick.told());
    assert_eq!(documents(&world.catalog), before);
}

#[test]
fn what_waits_and_what_was_refused_is_told() {
    let world = World::new();
    world.add(&mux(0));
    world.write(&mux(1).file_name(), b"<x");
    world.run(&[]).must_exit(SOME_REFUSED);
    let state = local::open(&world.catalog).unwrap().state;
    let since = chrono::DateTime::from_timestamp(1_600_000_000, 0).unwrap();
    let row = Level::parse("CBERS4/MUX/057/121").unwrap();
    let mark = Mark { level: row.clone(), token: Token("t".into()), since };
    block_on(state.mark(&[mark])).remove(0).unwrap();
    let levels: Vec<_> = (0..3).map(|_| LevelMessage { level: row.clone(), since }).collect();
    assert!(block_on(state.level_sender().send(&levels)).iter().all(Result::is_ok));
    let _in_flight = block_on(state.queue(QueueName::Levels).receive(1)).unwrap();
    let scenes = state.queue(QueueName::Scenes);
    block_on(scenes.send(&["hello".to_owned()])).remove(0).unwrap();
    let ran = world.on("status", &[]);
    let status = ran.must_exit(SUCCESS).summary();
    let [scenes, levels] = [0, 1].map(|queue| &status["queues"][queue]);
    assert_eq!((&scenes["visible"], &levels["visible"], &levels["in_flight"]), (&1.into(), &2.into(), &1.into()));
    assert!(scenes["oldest"].is_string() && levels["oldest"].is_string(), "{status}");
    let reason = &scenes["reasons"][0];
    assert_eq!((&reason["reason"], &reason["count"]), (&"not-xml".into(), &1.into()), "{status}");
    assert_eq!((&status["marks"]["count"], &status["marks"]["oldest"]), (&1.into(), &"2020-09-13T12:26:40Z".into()));
    let told = world.on("status", &[PLAIN]);
    assert!(told.must_exit(SUCCESS).stdout.contains("not-xml"), "{}", told.told());
}
