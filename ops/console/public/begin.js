// While the page itself is fetched and read: what it has to know, and the socket that it will speak over.
(() => {
  const access = fetch("/console/access", { cache: "no-store" }).then(
    (reply) => (reply.ok ? reply.json() : null),
    () => null,
  );
  const socket = access.then((found) => {
    const url = found?.websockets[0];
    // Without a key the server would wait for one in vain.
    const known = found?.observerSeed ?? sessionStorage.getItem("meridian.seed");
    if (url === undefined || known === null) return null;
    const made = new WebSocket(url);
    made.binaryType = "arraybuffer";
    const heard = [];
    made.onmessage = (message) => heard.push(message);
    return { url, made, heard };
  });
  globalThis.meridianBegun = { access, socket };
})();
