//! Peers that are folders of data: what is wrong with one is said with file, line and nearest word; what is sent is what its schemas ask
//! for; and the tutorial goes as it is written. How they live beside others is told by `tests/stories/50-declared.story`.

mod overlay;
mod silent;
mod slips;
mod tutorial;
mod wire;
