// SPDX-License-Identifier: Apache-2.0
//
// peer: CheckBenefit in gRPC C++, to compare memberd with.
//
//     peer PORT async|callback THREADS PILOTS MEMBERS
//
// Written as the documentation of gRPC shows it: async with a completion queue and a thread each and calls
// that are posted before they come; callback with the default reactor, on threads of the library's own.
#include "memberd/v1/benefit_service.grpc.pb.h"
#include "peer_members.h"

#include <grpcpp/grpcpp.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

using memberd::v1::BenefitService;
using memberd::v1::CheckBenefitRequest;
using memberd::v1::CheckBenefitResponse;

namespace {

peer_text TextOf(const std::string &text) { return {text.data(), text.size()}; }

void FillUnlock(const peer_answer &answer, memberd::v1::Unlock *unlock)
{
	unlock->set_tier(static_cast<memberd::v1::Tier>(answer.unlock_tier));
	unlock->set_score(answer.unlock_score);
	unlock->set_score_missing(answer.unlock_missing);
	unlock->set_vip(answer.unlock_vip);
	unlock->set_apass(answer.unlock_apass);
	unlock->set_reinstatement(answer.unlock_reinstatement);
}

void FillEntitlement(const peer_answer &answer, memberd::v1::Entitlement *entitlement)
{
	entitlement->set_benefit_id(answer.benefit_id.ptr, answer.benefit_id.len);
	entitlement->set_name(answer.name.ptr, answer.name.len);
	entitlement->set_allowed(answer.allowed);
	entitlement->set_reason(static_cast<memberd::v1::BenefitReason>(answer.reason));
	entitlement->set_kind(static_cast<memberd::v1::BenefitKind>(answer.kind));
	entitlement->set_granted(answer.granted);
	if (answer.level.len > 0) {
		entitlement->set_level(answer.level.ptr, answer.level.len);
	}
	entitlement->set_percent_bp(answer.percent_bp);
	if (answer.percent_cap > 0) {
		entitlement->mutable_percent_cap()->set_minor(answer.percent_cap);
		entitlement->mutable_percent_cap()->set_currency(answer.currency);
	}
	if (!answer.allowed) {
		FillUnlock(answer, entitlement->mutable_unlock());
	}
}

grpc::Status Check(const CheckBenefitRequest &request, CheckBenefitResponse *response)
{
	const std::string &member_id = request.member().member_id();
	peer_answer answer;

	switch (peer_check(TextOf(member_id), TextOf(request.benefit_id()), &answer)) {
	case PEER_OK:
		break;
	case PEER_MALFORMED:
		return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "member.member_id");
	default:
		return grpc::Status(grpc::StatusCode::NOT_FOUND, "no such member or benefit");
	}
	response->set_member_id(member_id);
	FillEntitlement(answer, response->mutable_entitlement());
	response->mutable_info()->set_revision(answer.revision);
	response->mutable_info()->set_policy_version(answer.policy_version);
	if (answer.valid_until != 0) {
		auto *until = response->mutable_info()->mutable_valid_until();

		until->set_seconds(answer.valid_until / 1000000);
		until->set_nanos(static_cast<int32_t>(answer.valid_until % 1000000 * 1000));
	}
	return grpc::Status::OK;
}

// ---- async ----

class Call {
public:
	Call(BenefitService::AsyncService *service, grpc::ServerCompletionQueue *queue)
	    : service_(service), queue_(queue), responder_(&context_)
	{
		service_->RequestCheckBenefit(&context_, &request_, &responder_, queue_, queue_,
					      this);
	}

	void Proceed()
	{
		if (answered_) {
			delete this;
			return;
		}
		new Call(service_, queue_);
		CheckBenefitResponse response;
		grpc::Status status = Check(request_, &response);

		answered_ = true;
		responder_.Finish(response, status, this);
	}

private:
	BenefitService::AsyncService *service_;
	grpc::ServerCompletionQueue *queue_;
	grpc::ServerContext context_;
	CheckBenefitRequest request_;
	grpc::ServerAsyncResponseWriter<CheckBenefitResponse> responder_;
	bool answered_ = false;
};

constexpr int kPosted = 64;

void ServeAsync(const std::string &address, int threads)
{
	BenefitService::AsyncService service;
	grpc::ServerBuilder builder;
	std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues;
	std::vector<std::thread> running;

	builder.AddListeningPort(address, grpc::InsecureServerCredentials());
	builder.RegisterService(&service);
	for (int i = 0; i < threads; i++) {
		queues.push_back(builder.AddCompletionQueue());
	}
	std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
	for (auto &queue : queues) {
		for (int i = 0; i < kPosted; i++) {
			new Call(&service, queue.get());
		}
		running.emplace_back([&queue] {
			void *tag;
			bool ok;

			while (queue->Next(&tag, &ok)) {
				static_cast<Call *>(tag)->Proceed();
			}
		});
	}
	pause();
	_exit(0);
}

// ---- callback ----

class CallbackService final : public BenefitService::CallbackService {
	grpc::ServerUnaryReactor *CheckBenefit(grpc::CallbackServerContext *context,
					       const CheckBenefitRequest *request,
					       CheckBenefitResponse *response) override
	{
		grpc::ServerUnaryReactor *reactor = context->DefaultReactor();

		reactor->Finish(Check(*request, response));
		return reactor;
	}
};

void ServeCallback(const std::string &address)
{
	CallbackService service;
	grpc::ServerBuilder builder;

	builder.AddListeningPort(address, grpc::InsecureServerCredentials());
	builder.RegisterService(&service);
	std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
	pause();
	_exit(0);
}

} // namespace

int main(int argc, char **argv)
{
	if (argc != 6) {
		fputs("usage: peer PORT async|callback THREADS PILOTS MEMBERS\n", stderr);
		return 64;
	}
	const std::string address = std::string("127.0.0.1:") + argv[1];

	peer_open(argv[4], strtoul(argv[5], nullptr, 10));
	if (std::string(argv[2]) == "async") {
		ServeAsync(address, atoi(argv[3]));
	} else {
		ServeCallback(address);
	}
	return 0;
}
