// Where every field lies that both languages touch.
#pragma once
#include <napi.h>

namespace meridian::addon {

// {command, event, record, market, depth, depth_requests, reactor}: byte offsets by name, sizes as
// `bytes`. JavaScript compares it with its own table when it loads the addon.
Napi::Object layout(Napi::Env env);

}  // namespace meridian::addon
