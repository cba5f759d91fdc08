//! Asks the API of the environment (`CONVEYOR_API_URL`) for the definition `demo`, with the library's whole
//! log on its standard error. Prints `ok`, or the error, its code first.
#![allow(clippy::print_stdout)]

use conveyor_driver::client::Client;
use conveyor_driver::options::ClientOptions;
use tracing_subscriber::filter::LevelFilter;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(std::io::stderr)
        .init();
    let options = ClientOptions { request_timeout_ms: 2_000, ..ClientOptions::default() };
    let options = options.with_environment();
    println!("{options:?}");
    let asked = async {
        let client = Client::new(options)?;
        println!("{client:?}");
        client.definitions().get("demo").await
    };
    match asked.await {
        Ok(_) => println!("ok"),
        Err(error) => println!("{}\n{error:?}\n{error:#?}", error.code()),
    }
}
