//! Carries calls from our end of the wire to a sandbox, which listens on loopback only. Neighbours:
//! `net`, whose wire it is; the sandboxes, which notice nothing.

use std::net::{Ipv4Addr, SocketAddr};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A relay at work; it stops when this is dropped.
#[derive(Debug)]
pub struct Relay(JoinHandle<()>);

impl Relay {
    /// Listens on this address of ours, at the sandbox's own port.
    ///
    /// # Errors
    /// What the operating system said.
    pub async fn to(sandbox: SocketAddr, here: Ipv4Addr) -> Result<Self, String> {
        let listener = TcpListener::bind((here, sandbox.port())).await;
        let listener = listener.map_err(|e| format!("{here}:{}: {e}", sandbox.port()))?;
        let carry = async move {
            while let Ok((mut caller, _)) = listener.accept().await {
                tokio::spawn(async move {
                    if let Ok(mut called) = TcpStream::connect(sandbox).await {
                        let _ = caller.set_nodelay(true);
                        let _ = called.set_nodelay(true);
                        // Either side may hang up at any time; then so do we.
                        let _ = copy_bidirectional(&mut caller, &mut called).await;
                    }
                });
            }
        };
        Ok(Self(tokio::spawn(carry)))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.0.abort();
    }
}
