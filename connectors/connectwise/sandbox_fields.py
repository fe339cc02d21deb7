"""Field names of the ConnectWise entities the sandbox serves, from the vendor's API model v2025.8. Data, no behaviour.

A condition on a name that is not here, or below a field that is no reference, is refused as the vendor refuses it (brief 1.4).
"""

from __future__ import annotations

# plain values
_PLAIN = {
    "Company": (
        "id identifier name addressLine1 addressLine2 city state zip phoneNumber faxNumber website accountNumber "
        "dateAcquired annualRevenue creditLimit additionalDebt numberOfEmployees yearEstablished revenueYear leadSource "
        "leadFlag unsubscribeFlag userDefinedField1 userDefinedField2 userDefinedField3 userDefinedField4 "
        "userDefinedField5 userDefinedField6 userDefinedField7 userDefinedField8 userDefinedField9 userDefinedField10 "
        "vendorIdentifier taxIdentifier invoiceToEmailAddress invoiceCCEmailAddress deletedFlag dateDeleted deletedBy "
        "mobileGuid facebookUrl twitterUrl linkedInUrl resellerIdentifier isVendorFlag"
    ),
    "CompanyStatus": (
        "id name defaultFlag inactiveFlag notifyFlag disallowSavingFlag notificationMessage customNoteFlag "
        "cancelOpenTracksFlag connectWiseId"
    ),
    "Contact": (
        "id firstName lastName addressLine1 addressLine2 city state zip relationshipOverride inactiveFlag "
        "defaultMergeContactId securityIdentifier title school nickName marriedFlag childrenFlag children "
        "significantOther portalPassword portalSecurityLevel disablePortalLoginFlag unsubscribeFlag gender birthDay "
        "anniversary presence mobileGuid facebookUrl twitterUrl linkedInUrl defaultPhoneType defaultPhoneNbr "
        "defaultPhoneExtension defaultBillingFlag defaultFlag userDefinedField1 userDefinedField2 userDefinedField3 "
        "userDefinedField4 userDefinedField5 userDefinedField6 userDefinedField7 userDefinedField8 userDefinedField9 "
        "userDefinedField10 ignoreDuplicates"
    ),
    "Invoice": (
        "id invoiceNumber type accountNumber applyToType applyToId attention shipToAttention billingSiteAddressLine1 "
        "billingSiteAddressLine2 billingSiteCity billingSiteState billingSiteZip billingSiteCountry "
        "shippingSiteAddressLine1 shippingSiteAddressLine2 shippingSiteCity shippingSiteState shippingSiteZip "
        "shippingSiteCountry reference customerPO templateSetupId emailTemplateId addToBatchEmailList date "
        "restrictDownpaymentFlag locationId departmentId territoryId topComment bottomComment taxableFlag internalNotes "
        "downpaymentPreviouslyTaxedFlag serviceTotal overrideDownPaymentAmountFlag dueDate expenseTotal productTotal "
        "previousProgressApplied serviceAdjustmentAmount agreementAmount downpaymentApplied subtotal total "
        "remainingDownpayment salesTax adjustmentReason adjustedBy closedBy payments credits balance specialInvoiceFlag"
    ),
    "InvoicePayment": (
        "id type source amount balance invoiceBalance invoiceTotal paymentDate appliedBy paymentSyncStatus glBatchID "
        "paymentSyncDate paymentAccount aRPaymentAccount"
    ),
    "Agreement": (
        "id name customerPO restrictLocationFlag restrictDepartmentFlag startDate endDate noEndingDateFlag cancelledFlag "
        "dateCancelled reasonCancelled workOrder internalNotes applicationUnits applicationLimit applicationCycle "
        "applicationUnlimitedFlag oneTimeFlag coverAgreementTime coverAgreementProduct coverAgreementExpense "
        "coverSalesTax carryOverUnused allowOverruns expiredDays limit expireWhenZero chargeToFirm employeeCompRate "
        "employeeCompNotExceed compHourlyRate compLimitAmount billOneTimeFlag invoicingCycle billAmount taxable "
        "prorateFirstBill billStartDate restrictDownPayment prorateFlag invoiceProratedAdditionsFlag invoiceDescription "
        "topComment bottomComment billTime billExpenses billProducts billableTimeInvoice billableExpenseInvoice "
        "billableProductInvoice periodType autoInvoiceFlag nextInvoiceDate agreementStatus"
    ),
    "BillingTerm": "id name defaultFlag dueDays termsXref",
    "BillingStatus": "id name sortOrder defaultFlag closedFlag inactiveFlag sentFlag",
    "Ticket": (
        "id summary recordType siteName addressLine1 addressLine2 city stateIdentifier zip contactName contactPhoneNumber "
        "contactPhoneExtension contactEmailAddress requiredDate budgetHours agreementType severity impact externalXRef "
        "poNumber knowledgeBaseCategoryId knowledgeBaseSubCategoryId allowAllClientsPortalView customerUpdatedFlag "
        "automaticEmailContactFlag automaticEmailResourceFlag automaticEmailCcFlag automaticEmailCc initialDescription "
        "initialInternalAnalysis initialResolution initialDescriptionFrom contactEmailLookup processNotifications "
        "skipCallback closedDate closedBy closedFlag actualHours approved estimatedExpenseCost estimatedExpenseRevenue "
        "estimatedProductCost estimatedProductRevenue estimatedTimeCost estimatedTimeRevenue billingMethod billingAmount "
        "hourlyRate subBillingMethod subBillingAmount subDateAccepted dateResolved dateResplan dateResponded "
        "resolveMinutes resPlanMinutes respondMinutes isInSla knowledgeBaseLinkId resources parentTicketId hasChildTicket "
        "hasMergedChildTicketFlag knowledgeBaseLinkType billTime billExpenses billProducts predecessorType predecessorId "
        "predecessorClosedFlag lagDays lagNonworkingDaysFlag estimatedStartDate duration mobileGuid slaStatus "
        "requestForChangeFlag escalationStartDateUTC escalationLevel minutesBeforeWaiting respondedSkippedMinutes "
        "resplanSkippedMinutes respondedHours respondedBy resplanHours resplanBy resolutionHours resolvedBy "
        "minutesWaiting"
    ),
    "ServiceNote": (
        "id ticketId text detailDescriptionFlag internalAnalysisFlag resolutionFlag issueFlag customerUpdatedFlag "
        "processNotifications dateCreated createdBy internalFlag externalFlag sentimentScore"
    ),
    "CompanyNote": "id text flagged enteredBy",
    "TimeEntry": (
        "id companyType chargeToId chargeToType locationId businessUnitId businessGroupDesc agreementType "
        "opportunityRecid projectActivity territory timeStart timeEnd hoursDeduct actualHours billableOption notes "
        "internalNotes addToDetailDescriptionFlag addToInternalAnalysisFlag addToResolutionFlag emailResourceFlag "
        "emailContactFlag emailCcFlag emailCc hoursBilled invoiceHours hourlyCost enteredBy dateEntered mobileGuid "
        "hourlyRate overageRate agreementHours agreementAmount agreementAdjustment adjustment invoiceReady status "
        "ticketBoard ticketStatus ticketType ticketSubType invoiceFlag extendedInvoiceAmount locationName"
    ),
    "CallbackEntry": (
        "id description url objectId type level memberId payloadVersion inactiveFlag isSoapCallbackFlag "
        "isSelfSuppressedFlag connectWiseID"
    ),
    "Board": (
        "id name inactiveFlag sendToContactFlag sendToResourceFlag projectFlag showDependenciesFlag showEstimatesFlag "
        "billTicketsAfterClosedFlag billTicketSeparatelyFlag billUnapprovedTimeExpenseFlag overrideBillingSetupFlag "
        "billTime billExpense billProduct autoAssignNewTicketsFlag autoAssignNewECTicketsFlag "
        "autoAssignNewPortalTicketsFlag discussionsLockedFlag timeEntryLockedFlag notifyEmailFrom notifyEmailFromName "
        "closedLoopDiscussionsFlag closedLoopResolutionFlag closedLoopInternalAnalysisFlag timeEntryDiscussionFlag "
        "timeEntryResolutionFlag timeEntryInternalAnalysisFlag problemSort resolutionSort internalAnalysisSort "
        "emailConnectorAllowReopenClosedFlag emailConnectorReopenResourcesFlag emailConnectorNewTicketNoMatchFlag "
        "emailConnectorNeverReopenByDaysFlag emailConnectorReopenDaysLimit emailConnectorNeverReopenByDaysClosedFlag "
        "emailConnectorReopenDaysClosedLimit useMemberDisplayNameFlag sendToCCFlag autoAssignTicketOwnerFlag "
        "autoAssignLimitFlag autoAssignLimitAmount closedLoopAllFlag percentageCalculation allSort markFirstNoteIssueFlag "
        "restrictBoardByDefaultFlag sendToBundledFlag connectWiseId"
    ),
    "BoardStatus": (
        "id name sortOrder displayOnBoard inactive closedStatus timeEntryNotAllowed roundRobinCatchall defaultFlag "
        "escalationStatus customerPortalDescription customerPortalFlag customStatusIndicatorName saveTimeAsNote "
        "connectWiseId parentConnectWiseId parentId grandParentId grandParentConnectWiseId"
    ),
    "Workflow": "id name activateFlag batchInterval batchFrequencyUnit batchLastRan batchSchedule connectWiseID",
    "WorkflowEvent": (
        "id name eventCondition frequencyUnit frequencyOfExecution maxNumberOfExecution executionTime dateTestedUTC "
        "testRecordsMatched connectWiseID parentId parentConnectWiseId"
    ),
    "AccountingPackageSetup": (
        "id directTransferFlag includeInvoicesFlag invoiceFormat includeExpensesFlag transferExpensesAsBillFlag "
        "expenseFormat suppressMemoFlag syncPaymentInfoFlag syncWisePayPaymentInfoFlag includeSalesTaxFlag "
        "enableTaxGroupsFlag zeroDollarTaxAmountsFlag includeItemsFlag inventorySOHFlag sendComponentAmountFlag "
        "sendUomFlag includeCogsEntriesFlag includeCogsDropShipFlag"
    ),
    "CompanyNoteType": "id identifier name defaultFlag importFlag connectWiseId",
}
# references to other records, and lists
_NESTED = {
    "Company": (
        "status country territory market defaultContact sicCode parentCompany ownershipType timeZoneSetup calendar "
        "taxCode billingTerms invoiceTemplate pricingSchedule companyEntityType billToCompany billingSite billingContact "
        "invoiceDeliveryMethod currency territoryManager types site integratorTags customFields"
    ),
    "CompanyStatus": "track",
    "Contact": (
        "company site country relationship department managerContact assistantContact companyLocation communicationItems "
        "types integratorTags customFields photo typeIds"
    ),
    "Invoice": (
        "status company billToCompany shipToCompany billingSite shippingSite billingTerms invoiceTemplate location "
        "department territory taxCode currency billingSetupReference ticket project phase salesOrder agreement glBatch "
        "unbatchedBatch customFields"
    ),
    "InvoicePayment": "invoice credit wisePayPayment",
    "Agreement": (
        "type company contact site subContractCompany subContractContact parentAgreement location department opportunity "
        "sla billingCycle billingTerms billToCompany billToContact billToSite taxCode workRole workType projectType "
        "invoiceTemplate currency companyLocation shipToCompany shipToContact shipToSite customFields"
    ),
    "Ticket": (
        "board status workRole workType company site country contact type subType item team owner priority "
        "serviceLocation source opportunity agreement location department sla currency mergedParentTicket integratorTags "
        "customFields"
    ),
    "ServiceNote": "member contact",
    "CompanyNote": "type company",
    "TimeEntry": (
        "company member location department workType workRole agreement activity invoice timeSheet ticket project phase "
        "taxCode customFields"
    ),
    "Board": (
        "location department signOffTemplate contactTemplate resourceTemplate boardIcon dispatchMember "
        "serviceManagerMember dutyManagerMember oncallMember workRole workType autoCloseStatus emailConnectorReopenStatus"
    ),
    "BoardStatus": "board emailTemplate statusIndicator",
    "Workflow": "tableType location department board",
    "AccountingPackageSetup": "accountingPackage",
}
PLAIN = {name: frozenset(text.split()) for name, text in _PLAIN.items()}
NESTED = {name: frozenset(_NESTED.get(name, "").split()) for name in _PLAIN}
# members a POST must bring, and the longest texts the model allows
REQUIRED = {
    "Company": ("identifier", "name"),
    "CompanyStatus": ("name",),
    "Invoice": ("type", "company"),
    "Agreement": ("name", "type", "company", "contact"),
    "BillingTerm": ("name", "dueDays"),
    "BillingStatus": ("name",),
    "Ticket": ("summary", "company"),
    "CompanyNote": ("text",),
    "TimeEntry": ("timeStart",),
    "CallbackEntry": ("url", "objectId", "type", "level"),
    "Board": ("name", "location", "department"),
    "BoardStatus": ("name",),
    "Workflow": ("name", "tableType"),
    "WorkflowEvent": ("eventCondition",),
    "AccountingPackageSetup": ("accountingPackage",),
    "CompanyNoteType": ("name",),
}
LONGEST = {
    "Company": {
        "identifier": 30,
        "name": 50,
        "addressLine1": 50,
        "addressLine2": 50,
        "city": 50,
        "state": 50,
        "zip": 12,
        "phoneNumber": 30,
        "faxNumber": 30,
        "website": 255,
        "leadSource": 50,
        "userDefinedField1": 50,
        "userDefinedField2": 50,
        "userDefinedField3": 50,
        "userDefinedField4": 50,
        "userDefinedField5": 50,
        "userDefinedField6": 50,
        "userDefinedField7": 50,
        "userDefinedField8": 50,
        "userDefinedField9": 50,
        "userDefinedField10": 50,
    },
    "Ticket": {
        "summary": 100,
        "siteName": 50,
        "addressLine1": 50,
        "addressLine2": 50,
        "city": 50,
        "stateIdentifier": 50,
        "zip": 12,
        "contactName": 62,
        "contactPhoneNumber": 20,
        "contactPhoneExtension": 15,
        "contactEmailAddress": 250,
        "externalXRef": 100,
        "poNumber": 50,
        "automaticEmailCc": 1000,
    },
    "CallbackEntry": {"description": 100},
}
